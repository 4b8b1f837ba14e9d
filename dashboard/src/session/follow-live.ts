// What the live stream changes on the screen.

import type { QueryClient } from '@tanstack/react-query'
import { type FreshnessStore, note } from '../api/freshness'
import type { LiveEvents } from '../api/live'
import { readLive } from '../api/live-messages'
import { covers } from '../api/position'
import type { Store } from '../api/store'
import type { BoardRow, Card, Counts } from '../api/types'
import { learnRows, type Overlay } from '../order/overlay'
import { isLaidOver } from './forget'

interface Followed {
  queries: QueryClient
  overlay: Store<Overlay>
  freshness: FreshnessStore
  raiseFloor(position: string): void
}

/** Rows are collected for a moment: a flood of events is one change on the screen. */
const GATHER_MS = 150
/** More than this over the pages that were read: time to read them again. */
const MANY = 1000

export function followLive({ queries, overlay, freshness, raiseFloor }: Followed): LiveEvents {
  let gathered: { row: BoardRow; position: string }[] = []
  let gap = false

  function show() {
    const rows = gathered
    gathered = []
    overlay.set(learnRows(overlay.get(), rows))
    for (const { row } of rows) refreshCard(row)
    if (overlay.get().known.size > MANY) readAgain()
  }

  /** So that what lies over it can go. A reading that is under way is not begun anew: it must end some time. */
  function readAgain() {
    void queries.invalidateQueries({ predicate: isLaidOver }, { cancelRefetch: false })
  }

  /** The stream brings lines of the board; an open card and its timeline are read again. */
  function refreshCard(row: BoardRow) {
    const card = queries.getQueryData<Card>(['card', row.order_id])
    if (card && card.order.version >= row.version) return
    void queries.invalidateQueries({ queryKey: ['card', row.order_id] })
    void queries.invalidateQueries({ queryKey: ['timeline', row.order_id] })
  }

  function lookAgain(position: string | null) {
    gap = false
    if (position) raiseFloor(position)
    void queries.invalidateQueries()
  }

  return {
    onGap() {
      // The stream tells of what comes after its first position; what was read before may be older than that.
      gap = true
    },
    onEvent(event) {
      const message = readLive(event)
      if (gap) lookAgain(message?.position ?? event.id)
      if (!message) return
      if (message.kind === 'order') {
        gathered.push(message)
        if (gathered.length === 1) setTimeout(show, GATHER_MS)
        return
      }
      note(freshness, message, Date.now())
      if (message.kind === 'counts') {
        queries.setQueryData<Counts>(['counts'], (before) =>
          before && !covers(message.position, before.position)
            ? before
            : {
                counts: { ...before?.counts, ...message.counts },
                position: message.position,
                as_of: message.as_of ?? before?.as_of ?? '',
              },
        )
      }
    },
  }
}
