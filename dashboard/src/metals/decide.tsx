// A person's word on a price that jumped: right or wrong, and why.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { persist } from '../api/commands'
import type { FixingAnswer } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { CommandProblem } from '../order/command-problem'
import { useBackend } from '../session/use-backend'
import { ReasonField } from '../ui/reason-field'

const SHORTEST_REASON = 3

type Decision = 'confirm' | 'reject'

export function Decide({ fixingId }: { fixingId: number }) {
  const { t } = useI18n()
  const decide = useDecision(fixingId)
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)

  function press(decision: Decision) {
    const said = reason.trim()
    setMissing(said.length < SHORTEST_REASON)
    if (decide.isPending || said.length < SHORTEST_REASON) return
    decide.mutate({ decision, key: crypto.randomUUID(), reason: said })
  }

  return (
    <div className="deeds">
      <ReasonField reason={reason} onReason={setReason} missing={missing} hint={t('metals.reason-hint')} />
      <div className="buttons">
        <button type="button" aria-disabled={decide.isPending} onClick={() => press('confirm')}>
          {t('metals.confirm')}
        </button>
        <button
          type="button"
          className="danger"
          aria-disabled={decide.isPending}
          onClick={() => press('reject')}
        >
          {t('metals.reject')}
        </button>
      </div>
      <CommandProblem command={decide} />
    </div>
  )
}

function useDecision(fixingId: number) {
  const { http } = useBackend()
  const queries = useQueryClient()
  return useMutation({
    networkMode: 'always',
    mutationFn: ({ decision, key, reason }: { decision: Decision; key: string; reason: string }) => {
      const path = `/v1/metal-fixings/${fixingId}/${decision}`
      return persist(() => http.command<FixingAnswer & { position?: string }>(path, key, { reason }))
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['metals'] }),
  })
}
