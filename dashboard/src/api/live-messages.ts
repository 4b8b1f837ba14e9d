// What the live stream says, read from its events.

import type { ServerEvent } from './sse'
import type { BoardRow, Counts } from './types'

export type LiveMessage =
  | { kind: 'order'; row: BoardRow; position: string }
  | { kind: 'counts'; counts: Counts['counts']; position: string; as_of: string | null }
  | { kind: 'heartbeat'; position: string | null; as_of: string | null }

/** `null` for what this version of the dashboard does not know: the server may be newer. */
export function readLive(event: ServerEvent): LiveMessage | null {
  let said: Record<string, unknown>
  try {
    said = JSON.parse(event.data)
  } catch {
    return null
  }
  const position = typeof said.position === 'string' ? said.position : event.id
  const as_of = typeof said.as_of === 'string' ? said.as_of : null
  switch (event.event) {
    case 'order': {
      const row = (said.order ?? said) as BoardRow
      return position && row.order_id ? { kind: 'order', row, position } : null
    }
    case 'counts':
      return position
        ? { kind: 'counts', counts: (said.counts ?? {}) as Counts['counts'], position, as_of }
        : null
    case 'heartbeat':
      return { kind: 'heartbeat', position, as_of }
    default:
      return null
  }
}
