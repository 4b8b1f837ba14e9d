// Replay and discard, with a word for why.

import { useState } from 'react'
import { useI18n } from '../i18n/i18n'
import { CommandProblem } from '../order/command-problem'
import { ReasonField } from '../ui/reason-field'
import type { Fate, Settle } from './use-settle'

const SHORTEST_REASON = 3

export function Deeds({ settle, many = false }: { settle: Settle; many?: boolean }) {
  const { t } = useI18n()
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  const said = reason.trim()

  function press(fate: Fate) {
    if (settle.isPending) return
    const lacks = fate === 'discard' && said.length < SHORTEST_REASON
    setMissing(lacks)
    if (lacks) return
    const key = crypto.randomUUID()
    settle.mutate({ fate, key, reason: said.length < SHORTEST_REASON ? undefined : said })
  }

  return (
    <div className="deeds">
      <ReasonField
        reason={reason}
        onReason={setReason}
        missing={missing}
        hint={t(missing ? 'messages.reason-needed' : 'messages.reason-hint')}
      />
      <div className="buttons">
        <button
          type="button"
          className="primary"
          aria-disabled={settle.isPending}
          onClick={() => press('replay')}
        >
          {t(many ? 'messages.replay-all' : 'messages.replay')}
        </button>
        <button
          type="button"
          className="danger"
          aria-disabled={settle.isPending}
          onClick={() => press('discard')}
        >
          {t(many ? 'messages.discard-all' : 'messages.discard')}
        </button>
      </div>
      {settle.isSuccess && <p role="status">{t('messages.done', { count: settle.data })}</p>}
      <CommandProblem command={settle} />
    </div>
  )
}
