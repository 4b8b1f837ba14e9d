// One quote: the rough price at once, then the exact one with everything that speaks for and against it.

import { Link } from 'wouter'
import { ApiError } from '../api/problem'
import type { Quote } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { PricePanel } from '../order/price-panel'
import { SpecFacts } from '../order/spec-facts'
import { PlaceFacts } from '../pricing/place'
import { Trouble } from '../pricing/trouble'
import { ModelAnalysis } from '../report/model-analysis'
import { Copyable } from '../ui/copyable'
import { Fact } from '../ui/fact'
import { ReadProblem } from '../ui/read-problem'
import { Moment, Since } from '../ui/time'
import { useTitle } from '../ui/use-title'
import { QuoteActions } from './quote-actions'
import { Rough } from './rough'
import { useQuote } from './use-quote'
import { Validity } from './validity'

export function QuotePage({ quoteId }: { quoteId: string }) {
  const { t } = useI18n()
  const quote = useQuote(quoteId)
  if (quote.data) return <QuoteCard quote={quote.data} problem={<ReadProblem of={quote} />} />
  if (quote.isPending) return <p className="faint pad">{t('board.loading')}</p>
  const unknown = quote.error instanceof ApiError && [400, 404, 422].includes(quote.error.problem.status)
  return unknown ? <p className="pad">{t('quote.unknown')}</p> : <ReadProblem of={quote} />
}

function QuoteCard({ quote, problem }: { quote: Quote; problem: React.ReactNode }) {
  const { t } = useI18n()
  const title = quote.reference ? t('quote.title', { reference: quote.reference }) : t('quote.title-bare')
  useTitle(title)
  return (
    <article className="order">
      <header className="order-head">
        <Link href="/quotes" className="back">
          ← {t('quotes.back')}
        </Link>
        <div className="order-title">
          <h1>{title}</h1>
          <strong role="status">{named(t, `quote.state.${quote.state}`, quote.state)}</strong>
          {quote.state === 'requested' && <Since at={quote.created_at} />}
        </div>
      </header>
      {problem}
      <QuoteActions quote={quote} />
      <div className="order-columns">
        <div className="order-left">
          {quote.refusal && (
            <section className="panel" aria-labelledby="refusal">
              <h2 id="refusal">{t('quote.refusal')}</h2>
              <Trouble {...quote.refusal} />
            </section>
          )}
          {quote.rough && !quote.refusal && <Rough rough={quote.rough} exact={quote.price ?? null} />}
          {quote.pricing && (
            <section className="panel" aria-labelledby="pricing">
              <h2 id="pricing">{t('order.pricing')}</h2>
              <PlaceFacts place={quote.pricing} />
            </section>
          )}
          {quote.price && <PricePanel price={quote.price} />}
          <ModelAnalysis spec={quote.spec} />
        </div>
        <QuoteDetails quote={quote} />
      </div>
    </article>
  )
}

function QuoteDetails({ quote }: { quote: Quote }) {
  const { t } = useI18n()
  return (
    <section className="panel" aria-labelledby="details">
      <h2 id="details">{t('order.details')}</h2>
      <dl className="facts">
        <SpecFacts spec={quote.spec} />
        {quote.valid_until && (
          <Fact name="quote.valid">
            <Validity until={quote.valid_until} over={quote.state !== 'priced'} />
          </Fact>
        )}
        <Fact name="quotes.asked">
          <Moment at={quote.created_at} />
        </Fact>
        <Fact name="order.channel">{named(t, `channel.${quote.channel}`, quote.channel)}</Fact>
        {quote.order_id && (
          <Fact name="quote.order">
            <Link href={`/orders/${quote.order_id}`}>{t('quote.to-order')}</Link>
          </Fact>
        )}
        <Fact name="quote.id">
          <Copyable text={quote.quote_id} />
        </Fact>
        <Fact name="order.model">
          <Copyable text={quote.spec.model_id} />
        </Fact>
      </dl>
    </section>
  )
}
