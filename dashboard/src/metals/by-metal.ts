// What holds, what waits and what was, metal by metal.

import type { MetalFixings, MetalStanding } from '../api/pricing-types'
import type { MetalFixing } from '../api/types'

export interface MetalPrices {
  metal: MetalFixing['metal']
  holds: MetalFixing | null
  /** Whether what holds may still be used. */
  freshness: MetalStanding['freshness']
  waits: MetalFixing | null
  before: MetalFixing[]
  /** Whether there are older ones, which are not shown. */
  hasMore: boolean
}

/** In the order in which metals come first; each metal's prices the newest first. */
export function byMetal({ fixings, metals: standings = [] }: MetalFixings): MetalPrices[] {
  const metals = [...new Set(fixings.map(({ metal }) => metal))]
  return metals.map((metal) => {
    const own = fixings.filter((each) => each.metal === metal)
    const accepted = own
      .filter(({ state }) => state === 'accepted')
      .sort((a, b) => (b.set_id ?? 0) - (a.set_id ?? 0))
    const [holds = null, ...before] = accepted
    const waits = own.find(({ state }) => state === 'waiting') ?? null
    const standing = standings.find((each) => each.metal === metal)
    const { freshness = null, has_more: hasMore = false } = standing ?? {}
    return { metal, holds, freshness, waits, before, hasMore }
  })
}
