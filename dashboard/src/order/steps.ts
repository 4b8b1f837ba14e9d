// The timeline as people read it: each step with the time until the next one.

import type { TimelineEntry } from '../api/types'

export interface Step {
  entry: TimelineEntry
  /** Whether the public status changed with this step. */
  moves: boolean
  /** Seconds until the next step; null for the last one. */
  took: number | null
}

const between = (from: string, to: string) => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000)

export function steps(entries: TimelineEntry[]): Step[] {
  const inOrder = [...entries].sort((a, b) => a.version - b.version)
  return inOrder.map((entry, index) => {
    const next = inOrder[index + 1]
    return {
      entry,
      moves: inOrder[index - 1]?.status !== entry.status,
      took: next ? between(entry.occurred_at, next.occurred_at) : null,
    }
  })
}

/** From the first step to the last, or to `now` while the order lives. */
export function totalSeconds(entries: TimelineEntry[], now: number): number | null {
  const all = steps(entries)
  const [first, last] = [all[0]?.entry, all.at(-1)?.entry]
  if (!first || !last) return null
  const over = last.status === 'CLOSED' || last.status === 'CANCELLED'
  const end = over ? Date.parse(firstIn(all, last.status)) : now
  return Math.max(0, (end - Date.parse(first.occurred_at)) / 1000)
}

/** A closing that is reported again does not make the order older. */
function firstIn(all: Step[], status: string): string {
  return all.find(({ entry }) => entry.status === status)?.entry.occurred_at ?? ''
}
