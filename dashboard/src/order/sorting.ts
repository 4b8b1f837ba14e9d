// The order of lists: by when the present status began, then by id, as the read API's cursor has it.

import type { Order } from '../api/reads'
import type { BoardRow } from '../api/types'

export type Sorting = Order

/** Compares RFC 3339 times to the microsecond; `Date` alone would stop at the millisecond. */
export function compareInstants(a: string, b: string): number {
  const seconds = (text: string) => Math.floor(Date.parse(text) / 1000)
  const fraction = (text: string) => (/\.(\d+)/.exec(text)?.[1] ?? '').padEnd(9, '0')
  const coarse = seconds(a) - seconds(b)
  if (coarse !== 0) return coarse
  return fraction(a) < fraction(b) ? -1 : fraction(a) > fraction(b) ? 1 : 0
}

export function sortsBefore(sorting: Sorting): (a: BoardRow, b: BoardRow) => number {
  const sign = sorting === 'newest' ? -1 : 1
  return (a, b) => {
    const time = compareInstants(a.status_since, b.status_since)
    if (time !== 0) return sign * time
    return sign * (a.order_id < b.order_id ? -1 : a.order_id > b.order_id ? 1 : 0)
  }
}
