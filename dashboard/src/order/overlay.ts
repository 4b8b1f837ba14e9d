// What we know beyond what a page or a card says: answers to our own commands, and rows of the live stream. Laid
// over whatever was read before, until what was read has come as far. So one's own change is on the screen at once
// even while the read side lags or is down, and a late answer never takes the screen back in time.

import { covers } from '../api/position'
import { type BoardRow, type Counts, type OrderView, rowOf, type Status } from '../api/types'
import { type Sorting, sortsBefore } from './sorting'

export interface Known {
  row: BoardRow
  /** The whole card, when the answer to a command of our own brought it. */
  card: OrderView | null
  position: string
}

/** A change of status that we caused; the counts have to follow it. */
export interface Move {
  from: Status
  to: Status
  position: string
}

export interface Overlay {
  known: ReadonlyMap<string, Known>
  moves: readonly Move[]
}

export const NOTHING: Overlay = { known: new Map(), moves: [] }

/** Rows of the live stream, in the order in which they came. */
export function learnRows(overlay: Overlay, rows: { row: BoardRow; position: string }[]): Overlay {
  const known = new Map(overlay.known)
  for (const { row, position } of rows) {
    const before = known.get(row.order_id)
    if (before && before.row.version >= row.version) continue
    known.set(row.order_id, { row, card: null, position })
  }
  return { ...overlay, known }
}

/** The answer to a command of our own. */
export function learnAnswer(overlay: Overlay, card: OrderView, position: string, from: Status): Overlay {
  const before = overlay.known.get(card.order_id)
  const known = new Map(overlay.known)
  if (!before || before.row.version <= card.version) {
    known.set(card.order_id, { row: rowOf(card), card, position })
  }
  const moved = card.status !== from
  return { known, moves: moved ? [...overlay.moves, { from, to: card.status, position }] : overlay.moves }
}

/** Drops what a reader at `position` has seen. */
export function forget(overlay: Overlay, position: string): Overlay {
  const kept = [...overlay.known].filter(([, known]) => !covers(position, known.position))
  const moves = overlay.moves.filter((move) => !covers(position, move.position))
  const same = kept.length === overlay.known.size && moves.length === overlay.moves.length
  return same ? overlay : { known: new Map(kept), moves }
}

export interface Page {
  orders: BoardRow[]
  next_cursor?: string | null
  position: string
}

export interface View {
  matches(row: BoardRow): boolean
  sorting: Sorting
}

/** The pages of a list as they are by all we know: rows brought up to date, gone ones left out, new ones put in. */
export function layOverPages(pages: Page[], overlay: Overlay, view: View): BoardRow[] {
  const before = sortsBefore(view.sorting)
  const seen = new Set<string>()
  const rows: BoardRow[] = []
  for (const row of pages.flatMap((page) => page.orders)) {
    if (seen.has(row.order_id)) continue
    seen.add(row.order_id)
    const newest = newer(row, overlay.known.get(row.order_id)?.row)
    if (view.matches(newest)) rows.push(newest)
  }
  for (const { row, position } of overlay.known.values()) {
    if (seen.has(row.order_id) || !view.matches(row)) continue
    const page = pageFor(row, pages, before)
    // A page that has come as far and does not show the order knows better.
    if (page && !covers(page.position, position)) rows.push(row)
  }
  return rows.sort(before)
}

/** The loaded page into whose stretch of the list the row falls, or none: it will come with "load more". */
function pageFor(
  row: BoardRow,
  pages: Page[],
  before: (a: BoardRow, b: BoardRow) => number,
): Page | undefined {
  return pages.find((page, index) => {
    const end = index === pages.length - 1 && !page.next_cursor
    const last = page.orders.at(-1)
    return end || (last !== undefined && before(row, last) <= 0)
  })
}

export function layOverRows(rows: BoardRow[], overlay: Overlay): BoardRow[] {
  return rows.map((row) => newer(row, overlay.known.get(row.order_id)?.row))
}

/** The later of what was read and what is known of the same order. */
export function newer(row: BoardRow, known: BoardRow | undefined): BoardRow {
  return known && known.version > row.version ? known : row
}

export function layOverCounts(counts: Counts | undefined, overlay: Overlay): Counts['counts'] | undefined {
  if (!counts) return undefined
  const shown = { ...counts.counts }
  for (const { from, to, position } of overlay.moves) {
    if (covers(counts.position, position)) continue
    shown[from] = Math.max(0, (shown[from] ?? 0) - 1)
    shown[to] = (shown[to] ?? 0) + 1
  }
  return shown
}

/** The card, or our own newer answer. */
export function layOverCard(
  card: OrderView | undefined,
  overlay: Overlay,
  orderId: string,
): OrderView | undefined {
  const known = overlay.known.get(orderId)?.card
  return known && (!card || known.version > card.version) ? known : card
}
