// A damaged model whose volume is known only between bounds: somebody of the house has looked at it, takes the upper
// one, and asks for the price again.

import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { persist } from '../api/commands'
import type { OrderView, WorkSpec } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { CommandProblem } from '../order/command-problem'
import { useBackend } from '../session/use-backend'
import { ReasonField } from '../ui/reason-field'
import { mayAcceptVolume } from './may-accept-volume'

export function AcceptVolume({ order }: { order: OrderView }) {
  const { session } = useBackend()
  const { spec } = order
  if (!spec || !mayAcceptVolume(session, order)) return null
  return <Accept order={order} spec={spec} />
}

function Accept({ order, spec }: { order: OrderView; spec: WorkSpec }) {
  const { t } = useI18n()
  const accept = useAccept(order, spec)
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)

  function submit(event: FormEvent) {
    event.preventDefault()
    const said = reason.trim()
    setMissing(said === '')
    if (said !== '' && !accept.isPending) accept.mutate({ key: crypto.randomUUID(), reason: said })
  }

  return (
    <form onSubmit={submit} noValidate>
      <p>{t('accept-volume.hint')}</p>
      <ReasonField
        reason={reason}
        onReason={setReason}
        missing={missing}
        hint={t(missing ? 'command.required' : 'command.reason-hint')}
      />
      <div className="buttons">
        <button type="submit" className="primary" aria-disabled={accept.isPending}>
          {t('accept-volume.accept')}
        </button>
      </div>
      <CommandProblem command={accept} />
    </form>
  )
}

function useAccept(order: OrderView, spec: WorkSpec) {
  const { http, errands } = useBackend()
  return useMutation({
    networkMode: 'always',
    mutationFn: ({ key, reason }: { key: string; reason: string }) => {
      const { model_id, unit } = spec
      const path = `/v1/models/${encodeURIComponent(model_id)}/accept`
      return persist(() => http.command<{ position?: string }>(path, key, { unit, reason }))
    },
    onSuccess: () => void errands.send(order, 'reprice'),
  })
}
