// A damaged model whose volume is known only between bounds: somebody of the house has looked at it, takes the upper
// one, and asks for the price again.

import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'
import { persist } from '../api/commands'
import type { OrderView } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { ProblemNotice } from '../ui/problem-notice'
import { mayAcceptVolume } from './may-accept-volume'

export function AcceptVolume({ order }: { order: OrderView }) {
  const { t } = useI18n()
  const { session } = useBackend()
  const id = useId()
  const accept = useAccept(order)
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  if (!mayAcceptVolume(session, order)) return null

  function submit(event: FormEvent) {
    event.preventDefault()
    const said = reason.trim()
    setMissing(said === '')
    if (said !== '' && !accept.isPending) accept.mutate(said)
  }

  return (
    <form onSubmit={submit} noValidate>
      <p id={`${id}-hint`}>{t('accept-volume.hint')}</p>
      <label htmlFor={id}>{t('command.reason')}</label>
      <input
        id={id}
        value={reason}
        maxLength={500}
        onChange={(event) => setReason(event.target.value)}
        aria-invalid={missing}
        aria-describedby={`${id}-hint`}
        autoComplete="off"
      />
      {missing && (
        <p className="fault" role="alert">
          {t('command.required')}
        </p>
      )}
      <div className="buttons">
        <button type="submit" className="primary" aria-disabled={accept.isPending}>
          {t('accept-volume.accept')}
        </button>
      </div>
      {accept.error && <ProblemNotice error={accept.error} />}
    </form>
  )
}

function useAccept(order: OrderView) {
  const { http, errands } = useBackend()
  return useMutation({
    networkMode: 'always',
    mutationFn: (reason: string) => {
      const { model_id, unit } = order.spec ?? { model_id: '', unit: 'file' }
      const path = `/v1/models/${encodeURIComponent(model_id)}/accept`
      const key = crypto.randomUUID()
      return persist(() => http.command<{ position?: string }>(path, key, { unit, reason }))
    },
    onSuccess: () => void errands.send(order, 'reprice'),
  })
}
