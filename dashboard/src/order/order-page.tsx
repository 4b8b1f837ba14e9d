// The order's card.

import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { ApiError } from '../api/problem'
import type { OrderView } from '../api/types'
import { lastList } from '../board/last-list'
import { useI18n } from '../i18n/i18n'
import { PricingPanel } from '../pricing/pricing-panel'
import { ModelAnalysis } from '../report/model-analysis'
import { useBackend, useOverlay, useRefetchInterval } from '../session/use-backend'
import { ReadProblem } from '../ui/read-problem'
import { StatusBadge } from '../ui/status'
import { Promised, Since } from '../ui/time'
import { useTitle } from '../ui/use-title'
import { Actions } from './actions'
import { inHandOf } from './allowed'
import { Details } from './details'
import { layOverCard } from './overlay'
import { PricePanel } from './price-panel'
import { Timeline } from './timeline'

export function OrderPage({ orderId }: { orderId: string }) {
  const { t } = useI18n()
  const { reads } = useBackend()
  const overlay = useOverlay()
  const card = useQuery({
    queryKey: ['card', orderId],
    queryFn: ({ signal }) => reads.card(orderId, signal),
    refetchInterval: useRefetchInterval(),
  })
  const order = layOverCard(card.data?.order, overlay, orderId)
  if (order) {
    const ahead = order !== card.data?.order
    return <OrderCard order={order} ahead={ahead} problem={<ReadProblem of={{ ...card, data: order }} />} />
  }
  if (card.isPending) return <p className="faint pad">{t('board.loading')}</p>
  const unknown = card.error instanceof ApiError && [400, 404, 422].includes(card.error.problem.status)
  return unknown ? <p className="pad">{t('order.unknown')}</p> : <ReadProblem of={card} />
}

interface CardProps {
  order: OrderView
  /** Our own change is not in what was read yet. */
  ahead: boolean
  problem: ReactNode
}

function OrderCard({ order, ahead, problem }: CardProps) {
  const { t } = useI18n()
  useTitle(t('order.title', { external: order.external_id }))
  return (
    <article className="order">
      <OrderHead order={order} ahead={ahead} />
      {problem}
      <section className="panel order-actions">
        <Actions key={order.order_id} order={order} />
      </section>
      <div className="order-columns">
        <div className="order-left">
          <PricingPanel order={order} />
          <Details order={order} />
          <PricePanel price={order.price ?? null} />
          {order.spec && <ModelAnalysis spec={order.spec} />}
        </div>
        <Timeline orderId={order.order_id} version={order.version} />
      </div>
    </article>
  )
}

function OrderHead({ order, ahead }: { order: OrderView; ahead: boolean }) {
  const { t } = useI18n()
  const { session } = useBackend()
  const over = ['SHIPPED', 'CLOSED', 'CANCELLED'].includes(order.status)
  return (
    <header className="order-head">
      <Link href={lastList()} className="back">
        ← {t('order.back')}
      </Link>
      <div className="order-title">
        <h1>{t('order.title', { external: order.external_id })}</h1>
        <StatusBadge status={order.status} />
        <span className="faint">
          <Since at={order.status_since} />
        </span>
        {order.promised_at && <Promised at={order.promised_at} over={over} />}
        {inHandOf(order, session.id) && <span className="mine">{t('order.yours')}</span>}
        {ahead && <span className="faint">{t('order.own-change')}</span>}
      </div>
    </header>
  )
}
