// "I know of it": the system stops trying, and leaves the incident to whoever says so.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { persist } from '../api/commands'
import type { IncidentAnswer } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { mayRepeat } from '../order/errands'
import { useBackend } from '../session/use-backend'
import { ProblemNotice } from '../ui/problem-notice'

const SHORTEST_REASON = 3

export function Acknowledge({ incidentId }: { incidentId: string }) {
  const { t } = useI18n()
  const { http } = useBackend()
  const queries = useQueryClient()
  const id = useId()
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  const saying = useMutation({
    networkMode: 'always',
    mutationFn: ({ key, reason }: { key: string; reason: string }) =>
      persist(() =>
        http.command<IncidentAnswer & { position?: string }>(`/v1/incidents/${incidentId}/acknowledge`, key, {
          reason,
        }),
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: ['incidents'] }),
  })

  function press() {
    const said = reason.trim()
    setMissing(said.length < SHORTEST_REASON)
    if (saying.isPending || said.length < SHORTEST_REASON) return
    saying.mutate({ key: crypto.randomUUID(), reason: said })
  }

  return (
    <div className="deeds">
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
      <p id={`${id}-hint`} className={missing ? 'fault' : 'faint'} role={missing ? 'alert' : undefined}>
        {t('incidents.reason-hint')}
      </p>
      <div className="buttons">
        <button type="button" className="primary" aria-disabled={saying.isPending} onClick={press}>
          {t('incidents.acknowledge')}
        </button>
      </div>
      {saying.error && (
        <ProblemNotice error={saying.error}>
          {mayRepeat(saying.error) && (
            <button type="button" onClick={() => saying.mutate(saying.variables)}>
              {t('command.again')}
            </button>
          )}
        </ProblemNotice>
      )}
    </div>
  )
}
