// Holds the rows while the pointer is on them.

import { useCallback, useState } from 'react'
import type { BoardRow } from '../api/types'
import { layOverRows } from '../order/overlay'
import { useOverlay } from '../session/use-backend'
import { standStill } from './steady'

export function useSteady(rows: BoardRow[]) {
  const overlay = useOverlay()
  const [frozen, setFrozen] = useState<BoardRow[] | null>(null)
  const release = useCallback(() => setFrozen(null), [])
  const { rows: shown, held } = standStill(frozen, rows, (row) => layOverRows([row], overlay)[0] ?? row)
  return {
    shown,
    held,
    release,
    pointer: {
      onPointerEnter: (event: { pointerType: string }) => event.pointerType === 'mouse' && setFrozen(rows),
      onPointerLeave: release,
    },
  }
}
