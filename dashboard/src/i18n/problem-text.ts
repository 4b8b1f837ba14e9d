// A problem in the reader's words. Codes are the contract; the server's prose is the last resort.

import type { Problem } from '../api/problem'
import { STATUSES } from '../api/types'
import type { Formats } from './format'
import { type Holes, hasKey, named, type Translate } from './text'

/** What no person does by hand. */
const OF_SYSTEMS = ['initiate', 'upload-file', 'submit', 'price']

/** One sentence: what is wrong. */
export function problemText(problem: Problem, t: Translate, f: Formats): string {
  if (problem.status === 0) return t('problem.unreachable')
  if (problem.status === 429) return t('problem.too-many')
  if ([502, 503, 504].includes(problem.status)) return t('problem.unavailable')
  const key = `refusal.${problem.code}`
  const holes = holesOf(problem, t, f)
  if (problem.code && hasKey(key) && filled(t(key, holes))) return t(key, holes)
  if (problem.detail) return problem.detail
  return problem.title ?? t('problem.unknown', { status: problem.status })
}

/** What could be asked instead, if the server says. */
export function allowedText(problem: Problem, t: Translate): string | null {
  const { allowed } = problem.more
  if (!Array.isArray(allowed)) return null
  const names = allowed
    .filter((command): command is string => typeof command === 'string' && !OF_SYSTEMS.includes(command))
    .map((command) => named(t, `command.${command}`, command))
  return names.length > 0
    ? t('problem.allowed', { commands: names.join(', ') })
    : t('problem.nothing-allowed')
}

/** The server's own words, where they name what our sentence leaves out. */
export function furtherWords(problem: Problem, said: string): string | null {
  const told = said === problem.detail || problem.code === 'already-taken' || problem.violations?.length
  return told ? null : (problem.detail ?? null)
}

function holesOf({ more }: Problem, t: Translate, f: Formats): Holes {
  const holes: Holes = {}
  const status = STATUSES.find((each) => each === more.current_status)
  if (status) holes.status = t(`status.${status}`)
  if (typeof more.taken_by === 'string') holes.by = more.taken_by
  if (typeof more.taken_at === 'string') holes.at = f.dayTime(more.taken_at)
  return holes
}

/** Whether the server told everything that the sentence needs. */
function filled(sentence: string): boolean {
  return !/\{\w+\}/.test(sentence)
}
