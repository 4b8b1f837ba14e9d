// Ask what a piece would cost, or look up what was asked.

import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { useTitle } from '../ui/use-title'
import { FindQuote } from './find-quote'
import { QuoteForm } from './quote-form'

export function QuotesPage() {
  const { t } = useI18n()
  const { session } = useBackend()
  useTitle(t('quotes.title'))
  if (!['seller', 'admin'].includes(session.role)) {
    return <p className="faint pad">{t('quotes.only-office', { role: t(`role.${session.role}`) })}</p>
  }
  return (
    <div className="quotes">
      <h1>{t('quotes.title')}</h1>
      <FindQuote />
      <QuoteForm />
    </div>
  )
}
