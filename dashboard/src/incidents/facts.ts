// What an incident says, ready to be shown. Its evidence and steps are whatever the system wrote down.

import type { Incident, Watcher } from '../api/types'

/** Many rounds of the watchdog. */
const SILENT_AFTER_MS = 60_000

export interface Step {
  at: string
  what: string
  outcome: string
}

/** Names and values, in the order in which they were written. */
export function evidence(incident: Pick<Incident, 'evidence'>): [string, string][] {
  return Object.entries(incident.evidence as Record<string, unknown>)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)])
}

/** What was tried or said, the oldest first; what is none is left out. */
export function steps(incident: Pick<Incident, 'attempts'>): Step[] {
  return (incident.attempts as unknown[]).filter(isStep)
}

function isStep(value: unknown): value is Step {
  const step = value as Partial<Step> | null
  return typeof step?.at === 'string' && typeof step.what === 'string' && typeof step.outcome === 'string'
}

/** The heartbeat has an incident of its own when it is late. */
export function isSilent(watcher: Watcher, now: number): boolean {
  return watcher.name === 'watchdog' && now - Date.parse(watcher.beat_at) > SILENT_AFTER_MS
}
