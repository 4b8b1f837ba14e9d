// How far the price of an order is: its place, when it may be expected, what the worker does, or what is wrong.

import { useQuery } from '@tanstack/react-query'
import type { OrderView, Pricing } from '../api/types'
import { PricingState } from '../board/pricing-state'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { AcceptVolume } from './accept-volume'
import { PlaceFacts } from './place'
import { Trouble } from './trouble'

/** It changes without an event, so it is asked again and again while somebody looks. */
const ASK_EVERY_MS = 2000

export function PricingPanel({ order }: { order: OrderView }) {
  const { t } = useI18n()
  const { pricing } = order
  if (!pricing) return null
  return (
    <section className="panel" aria-labelledby="pricing">
      <h2 id="pricing">{t('order.pricing')}</h2>
      {pricing.state === 'failed' ? (
        <>
          <Failed pricing={pricing} />
          <AcceptVolume order={order} />
        </>
      ) : (
        <Underway orderId={order.order_id} pricing={pricing} />
      )}
    </section>
  )
}

function Failed({ pricing }: { pricing: Extract<Pricing, { state: 'failed' }> }) {
  const { t } = useI18n()
  return (
    <>
      <Trouble code={pricing.code} reason={pricing.reason} />
      <p className="faint">{t('pricing.attempts', { count: pricing.attempts })}</p>
    </>
  )
}

function Underway({ orderId, pricing }: { orderId: string; pricing: Pricing }) {
  const { reads } = useBackend()
  const { data } = useQuery({
    queryKey: ['pricing', orderId],
    queryFn: ({ signal }) => reads.pricing(orderId, signal),
    refetchInterval: ASK_EVERY_MS,
  })
  return (
    <>
      <p>
        <PricingState pricing={pricing} />
      </p>
      {data?.pricing && <PlaceFacts place={data.pricing} />}
    </>
  )
}
