// How old the data on the screen is, as the read API says it with every answer.

import { covers } from './position'
import { type Store, store } from './store'

export interface Freshness {
  /** How far the reader that answered last had come. */
  position: string | null
  /** The time by which everything that had happened is in the answer. */
  asOf: number | null
  /** Why the server itself calls the answer stale, if it does. */
  stale: string | null
  /** The server's clock minus ours, milliseconds. */
  skew: number
}

export type FreshnessStore = Store<Freshness>

export function freshnessStore(): FreshnessStore {
  return store<Freshness>({ position: null, asOf: null, stale: null, skew: 0 })
}

/** Notes what an answer or a live event says of itself; an older answer never makes the data look older. */
export function note(
  freshness: FreshnessStore,
  said: { position?: string | null; as_of?: string | null; stale?: string | null; date?: string | null },
  now: number,
) {
  const before = freshness.get()
  const serverNow = Date.parse(said.date ?? '')
  const asOf = Date.parse(said.as_of ?? '')
  const backwards =
    said.position &&
    before.position &&
    covers(before.position, said.position) &&
    before.position !== said.position
  freshness.set({
    position: backwards ? before.position : (said.position ?? before.position),
    asOf: Number.isNaN(asOf) ? before.asOf : Math.max(asOf, backwards ? (before.asOf ?? 0) : 0),
    stale: said.stale === undefined ? before.stale : said.stale,
    skew: Number.isNaN(serverNow) ? before.skew : serverNow - now,
  })
}

/** Seconds since the data was current; never negative, for clocks differ. */
export function ageSeconds(freshness: Freshness, now: number): number | null {
  if (freshness.asOf === null) return null
  // The Date header has whole seconds: a skew below two of them is no skew.
  const skew = Math.abs(freshness.skew) < 2000 ? 0 : freshness.skew
  return Math.max(0, Math.round((now + skew - freshness.asOf) / 1000))
}
