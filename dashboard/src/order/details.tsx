// What is known of the order, as a list of names and values.

import type { OrderView } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { ActorName, actorText } from '../ui/actor'
import { Copyable } from '../ui/copyable'
import { Fact } from '../ui/fact'
import { Moment } from '../ui/time'
import { inHandOf } from './allowed'
import { SpecFacts } from './spec-facts'

export function Details({ order }: { order: OrderView }) {
  const { t } = useI18n()
  const { spec, holder, cancellation } = order
  const times = (count: number) => t('order.times', { count })
  const inHand = holder && inHandOf(order, holder.operator.operator_id)
  return (
    <section className="panel" aria-labelledby="details">
      <h2 id="details">{t('order.details')}</h2>
      {cancellation && (
        <p className="fault">
          {t('order.cancelled', {
            who: actorText(cancellation.by, t),
            status: t(`status.${cancellation.from}`),
            reason: cancellation.reason,
          })}
        </p>
      )}
      <dl className="facts">
        {holder && (
          <Fact name={inHand ? 'order.holder' : 'order.maker'}>
            {holder.operator.name}, <SinceMoment at={holder.taken_at} />
          </Fact>
        )}
        {order.tracking_number && (
          <Fact name="order.tracking">
            <Copyable text={order.tracking_number} />
          </Fact>
        )}
        {order.closing && <Fact name="order.closing">{closingText(order.closing, t)}</Fact>}
        {spec && <SpecFacts spec={spec} />}
        {order.approved_by && (
          <Fact name="order.approved-by">
            <ActorName actor={order.approved_by} />
          </Fact>
        )}
        {order.submitted_at && (
          <Fact name="order.submitted">
            <Moment at={order.submitted_at} />
          </Fact>
        )}
        {order.promised_at && (
          <Fact name="order.promised">
            <Moment at={order.promised_at} />
          </Fact>
        )}
        {order.give_backs > 0 && <Fact name="order.give-backs">{times(order.give_backs)}</Fact>}
        {order.reworks > 0 && <Fact name="order.reworks">{times(order.reworks)}</Fact>}
        <Fact name="order.channel">{named(t, `channel.${order.channel}`, order.channel)}</Fact>
        <Fact name="order.external">
          <Copyable text={order.external_id} />
        </Fact>
        <Fact name="order.id">
          <Copyable text={order.order_id} />
        </Fact>
        {order.partner_id && (
          <Fact name="order.partner">
            <Copyable text={order.partner_id} />
          </Fact>
        )}
        {order.model_id && (
          <Fact name="order.model">
            <Copyable text={order.model_id} />
          </Fact>
        )}
        <Fact name="order.created">
          <Moment at={order.created_at} />
        </Fact>
      </dl>
    </section>
  )
}

function SinceMoment({ at }: { at: string }) {
  const { t, f } = useI18n()
  return <time dateTime={at}>{t('order.taken', { time: f.dayTime(at) })}</time>
}

function closingText(closing: NonNullable<OrderView['closing']>, t: ReturnType<typeof useI18n>['t']): string {
  return closing.how === 'by_hand'
    ? t('closing.by_hand', { reason: closing.reason })
    : t(`closing.${closing.how}`)
}
