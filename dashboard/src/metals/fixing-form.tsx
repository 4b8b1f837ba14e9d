// A metal's price by hand, for the day on which the feed is silent.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'
import { persist } from '../api/commands'
import type { FixingAnswer, Metal, MetalFixing, RecordFixingBody } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { CommandProblem } from '../order/command-problem'
import { useBackend } from '../session/use-backend'
import { Notice } from '../ui/notice'
import { FixingFields } from './fixing-fields'
import { bodyOf, type FixingField, type FixingWish, faultsOf } from './fixing-wish'

export function FixingForm({ currency }: { currency: string }) {
  const { t } = useI18n()
  const id = useId()
  const empty: FixingWish = { metal: 'gold', price: '', currency, source: '', observed: '' }
  const [wish, setWish] = useState(empty)
  const [faults, setFaults] = useState<FixingField[]>([])
  const record = useRecord(() => setWish((before) => ({ ...before, price: '', observed: '' })))

  function change(part: Partial<FixingWish>) {
    setWish((before) => ({ ...before, ...part }))
    setFaults([])
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    setFaults(faultsOf(wish))
    const body = bodyOf(wish)
    if (body && !record.isPending) record.mutate({ body, key: crypto.randomUUID() })
  }

  return (
    <form className="panel quote-form" onSubmit={submit} noValidate aria-labelledby={id}>
      <h2 id={id}>{t('metals.enter')}</h2>
      <FixingFields wish={wish} faults={faults} onChange={change} />
      {faults.length > 0 && (
        <p className="fault" role="alert">
          {faults.map((field) => t(`metals.fault.${field}`)).join(' ')}
        </p>
      )}
      <div className="buttons">
        <button type="submit" className="primary" aria-disabled={record.isPending}>
          {t('metals.submit')}
        </button>
      </div>
      {record.data && <Outcome fixing={record.data.fixing} />}
      <CommandProblem command={record} />
    </form>
  )
}

/** What became of it: it need not hold because somebody entered it. */
function Outcome({ fixing: { metal, state, reason } }: { fixing: MetalFixing }) {
  const { t } = useI18n()
  const kind = state === 'accepted' ? 'done' : state === 'waiting' ? 'warning' : 'error'
  return (
    <Notice kind={kind}>
      <strong>{t(`metals.became.${state}`, { metal: t(`metals.${metal satisfies Metal}`) })}</strong>
      {reason && <p>{named(t, `metals.reason.${reason}`, reason)}</p>}
    </Notice>
  )
}

function useRecord(onRecorded: () => void) {
  const { http } = useBackend()
  const queries = useQueryClient()
  return useMutation({
    networkMode: 'always',
    mutationFn: ({ body, key }: { body: RecordFixingBody; key: string }) =>
      persist(() => http.command<FixingAnswer & { position?: string }>('/v1/metal-fixings', key, body)),
    onSuccess: onRecorded,
    onSettled: () => queries.invalidateQueries({ queryKey: ['metals'] }),
  })
}
