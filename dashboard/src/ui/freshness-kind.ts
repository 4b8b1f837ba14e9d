// The word for how fresh the data is.

import type { LiveState } from '../api/live'

export type FreshnessKind = 'connecting' | 'live' | 'reconnecting' | 'stale'

/** Data may be this old before anybody should mind. */
export const OLD_SECONDS = 10

/** Stale wins: a living connection that brings old data must not look healthy. */
export function freshnessKind(live: LiveState, age: number | null, stale: string | null): FreshnessKind {
  if (stale !== null && stale !== 'false') return 'stale'
  if (age !== null && age > OLD_SECONDS) return live === 'reconnecting' ? 'reconnecting' : 'stale'
  return live
}
