// What people of the house may do with a quote: accept a provisional price, or call the quote off.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { persist } from '../api/commands'
import type { Quote } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { CommandProblem } from '../order/command-problem'
import { useKeptFocus } from '../order/use-kept-focus'
import { useSettled } from '../order/use-settled'
import { useBackend } from '../session/use-backend'
import { newest } from './newest'

type Decision = 'accept' | 'cancel'

/** In these states there is something to decide. */
const DECISIONS: Record<string, Decision[]> = {
  requested: ['cancel'],
  priced: ['cancel'],
  provisional: ['accept', 'cancel'],
}

export function QuoteActions({ quote }: { quote: Quote }) {
  const { t, f } = useI18n()
  const { session, http } = useBackend()
  const queries = useQueryClient()
  const settled = useSettled(quote.revision)
  const focus = useKeptFocus(quote.revision)
  const decide = useMutation({
    networkMode: 'always',
    mutationFn: ({ decision, key }: { decision: Decision; key: string }) => {
      const path = `/v1/quotes/${encodeURIComponent(quote.quote_id)}/${decision}`
      return persist(() => http.command<Quote & { position?: string }>(path, key, {}))
    },
    onSuccess: (news) =>
      queries.setQueryData<Quote>(['quote', quote.quote_id], (known) => newest(known, news)),
  })
  const decisions = ['seller', 'admin'].includes(session.role) ? (DECISIONS[quote.state] ?? []) : []
  if (decisions.length === 0) return null
  // Not `disabled`, which would take the focus away.
  const busy = decide.isPending || !settled
  const text = (decision: Decision) =>
    decision === 'accept' && quote.price
      ? t('quote.accept', { sum: f.money(quote.price.total) })
      : t('quote.cancel')
  return (
    <section className="panel quote-actions">
      {quote.state === 'provisional' && <p>{t('quote.provisional-hint')}</p>}
      <div className="buttons" {...focus}>
        {decisions.map((decision) => (
          <button
            key={decision}
            type="button"
            className={decision === 'accept' ? 'primary' : 'danger'}
            aria-disabled={busy}
            onClick={() => busy || decide.mutate({ decision, key: crypto.randomUUID() })}
          >
            {text(decision)}
          </button>
        ))}
      </div>
      <CommandProblem command={decide} />
    </section>
  )
}
