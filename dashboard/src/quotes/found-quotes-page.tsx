// Quotes that were called so.

import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Quotes } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { useCalls } from '../pricelist/use-price-list'
import { useBackend } from '../session/use-backend'
import { ReadProblem } from '../ui/read-problem'
import { Moment } from '../ui/time'
import { useTitle } from '../ui/use-title'

export function FoundQuotesPage({ reference }: { reference: string }) {
  const { t } = useI18n()
  const { reads } = useBackend()
  const title = t('quotes.found', { reference })
  useTitle(title)
  const found = useQuery({
    queryKey: ['quotes', reference],
    queryFn: ({ signal }) => reads.quotes(reference, signal),
  })
  return (
    <section className="quotes">
      <Link href="/quotes" className="back">
        ← {t('quotes.back')}
      </Link>
      <h1>{title}</h1>
      <ReadProblem of={found} />
      {found.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {found.data?.quotes.length === 0 && <p className="faint pad">{t('quotes.none')}</p>}
      {found.data && found.data.quotes.length > 0 && <FoundQuotes quotes={found.data.quotes} />}
      {found.data?.has_more && <p className="faint pad">{t('quotes.more')}</p>}
    </section>
  )
}

function FoundQuotes({ quotes }: Pick<Quotes, 'quotes'>) {
  const { t, f } = useI18n()
  const calls = useCalls()
  return (
    <table className="rows">
      <thead>
        <tr>
          <th scope="col">{t('quotes.asked')}</th>
          <th scope="col">{t('column.state')}</th>
          <th scope="col">{t('column.work')}</th>
          <th scope="col">{t('column.price')}</th>
        </tr>
      </thead>
      <tbody>
        {quotes.map((quote) => (
          <tr key={quote.quote_id} className="row">
            <td>
              <Link href={`/quotes/${quote.quote_id}`} className="row-link">
                <strong>
                  <Moment at={quote.created_at} />
                </strong>
              </Link>
            </td>
            <td data-label={t('column.state')}>{named(t, `quote.state.${quote.state}`, quote.state)}</td>
            <td data-label={t('column.work')}>
              {calls.material(quote.spec.material)}, {calls.finish(quote.spec.finish)},{' '}
              {t('row.pieces', { count: quote.spec.quantity })}
            </td>
            <td data-label={t('column.price')} className="number">
              {quote.price && f.money(quote.price.total)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
