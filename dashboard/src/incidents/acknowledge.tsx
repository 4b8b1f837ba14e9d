// "I know of it": the system stops trying, and leaves the incident to whoever says so.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { persist } from '../api/commands'
import type { IncidentAnswer } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { CommandProblem } from '../order/command-problem'
import { useBackend } from '../session/use-backend'
import { ReasonField } from '../ui/reason-field'

const SHORTEST_REASON = 3

export function Acknowledge({ incidentId }: { incidentId: string }) {
  const { t } = useI18n()
  const { http } = useBackend()
  const queries = useQueryClient()
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
      <ReasonField reason={reason} onReason={setReason} missing={missing} hint={t('incidents.reason-hint')} />
      <div className="buttons">
        <button type="button" className="primary" aria-disabled={saying.isPending} onClick={press}>
          {t('incidents.acknowledge')}
        </button>
      </div>
      <CommandProblem command={saying} />
    </div>
  )
}
