// What lies over the screen goes when everything that is read for it has come as far.

import type { Query, QueryClient } from '@tanstack/react-query'
import { earlier } from '../api/position'
import type { Store } from '../api/store'
import { forget, type Overlay } from '../order/overlay'

/** The answers over which something is laid; a timeline, say, is shown as it was read. */
export function isLaidOver({ queryKey: [kind] }: Pick<Query, 'queryKey'>): boolean {
  return kind === 'list' || kind === 'card' || kind === 'counts'
}

export function forgetWhatWasRead(queries: QueryClient, overlay: Store<Overlay>): () => void {
  const cache = queries.getQueryCache()
  return cache.subscribe((event) => {
    if (event.type !== 'updated' || event.action.type !== 'success') return
    const shown = cache.findAll({ type: 'active', predicate: isLaidOver })
    const reached = leastPosition(shown.map((query) => query.state.data))
    if (reached) overlay.set(forget(overlay.get(), reached))
  })
}

/** How far all of these have come: answers, and lists of pages. */
export function leastPosition(answers: unknown[]): string | null {
  const positions = answers.flatMap(positionsOf)
  return positions.reduce<string | null>((least, each) => (least ? earlier(least, each) : each), null)
}

function positionsOf(data: unknown): string[] {
  if (typeof data !== 'object' || data === null) return []
  if ('pages' in data && Array.isArray(data.pages)) return data.pages.flatMap(positionsOf)
  return 'position' in data && typeof data.position === 'string' ? [data.position] : []
}
