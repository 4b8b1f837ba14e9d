// Rows that stand still under the pointer: nobody takes the wrong order because a new one pushed the list down.

import type { BoardRow } from '../api/types'

export interface Shown {
  row: BoardRow
  /** It has left the list, and stands here only until the pointer moves away. */
  gone: boolean
}

export interface Steady {
  shown: Shown[]
  /** How many new rows wait at the side. */
  held: number
}

/**
 * The rows in the places in which they `stood`, brought up to date; without places, as they come. `newest` knows
 * where a row that has left may have gone.
 */
export function standStill(
  stood: readonly BoardRow[] | null,
  rows: BoardRow[],
  newest: (row: BoardRow) => BoardRow,
): Steady {
  if (!stood) return { shown: rows.map((row) => ({ row, gone: false })), held: 0 }
  const now = new Map(rows.map((row) => [row.order_id, row]))
  const places = new Set(stood.map((row) => row.order_id))
  return {
    shown: stood.map((row) => {
      const here = now.get(row.order_id)
      return here ? { row: here, gone: false } : { row: newest(row), gone: true }
    }),
    held: rows.filter((row) => !places.has(row.order_id)).length,
  }
}
