// Orders for tests.

import type { BoardRow, OrderView, Status } from '../src/api/types'

export const at = (minute: number, second = 0) =>
  new Date(Date.UTC(2026, 10, 22, 12, minute, second)).toISOString()

export function row(
  id: string,
  status: Status,
  version: number,
  minute: number,
  more: Partial<BoardRow> = {},
): BoardRow {
  return {
    order_id: id,
    external_id: `N-${id}`,
    channel: 'shop',
    status,
    version,
    status_since: at(minute),
    reworks: 0,
    ...more,
  }
}

export function view(
  id: string,
  status: Status,
  version: number,
  minute: number,
  more: Partial<OrderView> = {},
): OrderView {
  return {
    order_id: id,
    external_id: `N-${id}`,
    channel: 'shop',
    status,
    version,
    status_since: at(minute),
    created_at: at(0),
    give_backs: 0,
    reworks: 0,
    allowed: [],
    ...more,
  }
}

export function holder(id: string, name = 'Anna') {
  return { operator: { operator_id: id, name }, taken_at: at(1) }
}
