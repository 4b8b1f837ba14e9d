// What lies over the screen goes when everything that is read for it has come as far.

import type { QueryClient } from '@tanstack/react-query'
import { earlier } from '../api/position'
import type { Store } from '../api/store'
import { forget, type Overlay } from '../order/overlay'

export function forgetWhatWasRead(queries: QueryClient, overlay: Store<Overlay>): () => void {
  const cache = queries.getQueryCache()
  return cache.subscribe((event) => {
    if (event.type !== 'updated' || event.action.type !== 'success') return
    const positions = cache.findAll({ type: 'active' }).flatMap((query) => positionsOf(query.state.data))
    const reached = positions.reduce<string | null>(
      (least, each) => (least ? earlier(least, each) : each),
      null,
    )
    if (reached) overlay.set(forget(overlay.get(), reached))
  })
}

/** Of an answer, or of each page of a list. */
function positionsOf(data: unknown): string[] {
  if (typeof data !== 'object' || data === null) return []
  if ('pages' in data && Array.isArray(data.pages)) return data.pages.flatMap(positionsOf)
  return 'position' in data && typeof data.position === 'string' ? [data.position] : []
}
