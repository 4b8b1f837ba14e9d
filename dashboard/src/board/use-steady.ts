// Holds the rows while the pointer is on them.

import { useCallback, useEffect, useState } from 'react'
import type { BoardRow } from '../api/types'
import { newer } from '../order/overlay'
import { useOverlay } from '../session/use-backend'
import { standStill } from './steady'

export function useSteady(rows: BoardRow[]) {
  const { known } = useOverlay()
  const [stood, setStood] = useState<BoardRow[] | null>(null)
  const release = useCallback(() => setStood(null), [])
  const steady = standStill(stood, rows, (row) => newer(row, known.get(row.order_id)?.row))

  // What is laid over is forgotten once it was read; a row that has left is not read any more and has to be kept here.
  useEffect(() => {
    if (!stood) return
    const latest = steady.shown.map(({ row }) => row)
    if (latest.some((row, index) => row.version !== stood[index]?.version)) setStood(latest)
  })

  return {
    ...steady,
    release,
    pointer: {
      onPointerEnter: (event: { pointerType: string }) => event.pointerType === 'mouse' && setStood(rows),
      onPointerLeave: release,
    },
  }
}
