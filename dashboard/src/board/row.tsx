// One line: what it is, how it stands, and the one thing that I would do with it next.

import { memo, useState } from 'react'
import { Link } from 'wouter'
import type { BoardRow, Status } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { Actions } from '../order/actions'
import { useCalls } from '../pricelist/use-price-list'
import { useBackend } from '../session/use-backend'
import { StatusBadge } from '../ui/status'
import { Promised, Since } from '../ui/time'
import { PricingState } from './pricing-state'

/** A row that came to be just now is lit up for a moment. */
const FRESH_MS = 5000

export const Row = memo(function Row({ row, gone, list }: { row: BoardRow; gone: boolean; list?: Status }) {
  const { t, f } = useI18n()
  const [fresh] = useState(() => Date.now() - Date.parse(row.status_since) < FRESH_MS)
  const over = ['SHIPPED', 'CLOSED', 'CANCELLED'].includes(row.status)
  return (
    <tr className="row" data-gone={gone || undefined} data-fresh={fresh || undefined}>
      <td>
        <Link href={`/orders/${row.order_id}`} className="row-link">
          <strong>{row.external_id}</strong>
          <span className="faint">{named(t, `channel.${row.channel}`, row.channel)}</span>
        </Link>
      </td>
      <td>{row.spec && <Work spec={row.spec} reworks={row.reworks} />}</td>
      <td className="number">{row.total && f.money(row.total)}</td>
      <td>
        {row.status !== list && <StatusBadge status={row.status} />}
        {gone && row.status === list ? t('row.gone') : <State row={row} />}
      </td>
      <td className="number" data-label={t('column.since')}>
        <Since at={row.status_since} />
      </td>
      <td className="number">{row.promised_at && <Promised at={row.promised_at} over={over} />}</td>
      <td className="row-action">{!gone && <Actions order={row} only="first" />}</td>
    </tr>
  )
})

function Work({ spec, reworks }: { spec: NonNullable<BoardRow['spec']>; reworks: number }) {
  const { t } = useI18n()
  const calls = useCalls()
  return (
    <>
      <span>
        {calls.material(spec.material)}, {calls.finish(spec.finish)}
      </span>
      <span className="faint">
        {t('row.pieces', { count: spec.quantity })}
        {reworks > 0 && ` · ${t('row.reworks', { count: reworks })}`}
      </span>
    </>
  )
}

function State({ row }: { row: BoardRow }) {
  const { session } = useBackend()
  if (row.pricing) return <PricingState pricing={row.pricing} />
  if (!row.holder) return null
  const { operator_id, name } = row.holder.operator
  return <span className={operator_id === session.id ? 'mine' : undefined}>{name}</span>
}
