// What holds, what waits and what was, metal by metal.

import type { MetalFixing } from '../api/types'

export interface MetalPrices {
  metal: MetalFixing['metal']
  holds: MetalFixing | null
  waits: MetalFixing | null
  before: MetalFixing[]
}

/** In the order in which metals come first; each metal's prices the newest first. */
export function byMetal(fixings: readonly MetalFixing[]): MetalPrices[] {
  const metals = [...new Set(fixings.map(({ metal }) => metal))]
  return metals.map((metal) => {
    const own = fixings.filter((each) => each.metal === metal)
    const accepted = own
      .filter(({ state }) => state === 'accepted')
      .sort((a, b) => (b.set_id ?? 0) - (a.set_id ?? 0))
    const [holds = null, ...before] = accepted
    return { metal, holds, waits: own.find(({ state }) => state === 'waiting') ?? null, before }
  })
}
