// Rows that stand still under the pointer: nobody takes the wrong order because a new one pushed the list down.

import type { BoardRow } from '../api/types'

export interface Steady {
  rows: BoardRow[]
  /** Orders that wait to be shown. */
  held: number
}

/**
 * The rows in the order in which they stood (`held` ids), brought up to date by `latest`; new ones wait at the
 * side. Without ids nothing is held.
 */
export function standStill(
  ids: readonly BoardRow[] | null,
  rows: BoardRow[],
  latest: (row: BoardRow) => BoardRow,
): Steady {
  if (!ids) return { rows, held: 0 }
  const now = new Map(rows.map((row) => [row.order_id, row]))
  const stood = new Set(ids.map((row) => row.order_id))
  return {
    rows: ids.map((row) => now.get(row.order_id) ?? latest(row)),
    held: rows.filter((row) => !stood.has(row.order_id)).length,
  }
}
