// A problem in the reader's words. Codes are the contract; the server's prose is the last resort.

import type { Problem } from '../api/problem'
import { type CommandKind, STATUSES, type Status } from '../api/types'
import type { Formats } from './format'
import { type Holes, hasKey, named, type Translate } from './text'

/** What no person does by hand. */
const OF_SYSTEMS = ['initiate', 'upload-file', 'submit', 'price']

/** One sentence: what is wrong. */
export function problemText(problem: Problem, t: Translate, f: Formats): string {
  if (problem.status === 0) return t('problem.unreachable')
  if (problem.status === 429) return t('problem.too-many')
  if ([502, 503, 504].includes(problem.status)) return t('problem.unavailable')
  const key = `problem.${problem.code}`
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
    .filter((command): command is CommandKind => typeof command === 'string' && !OF_SYSTEMS.includes(command))
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

function holesOf(problem: Problem, t: Translate, f: Formats): Holes {
  const said = problem.more
  const status = said.current_status ?? said.order_status
  const at = said.at ?? said.taken_at
  const holes: Record<string, unknown> = {
    by: said.by ?? said.taken_by ?? said.holder,
    at: typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? f.dayTime(at) : at,
    status: STATUSES.includes(status as Status) ? t(`status.${status as Status}`) : status,
  }
  const known = Object.entries(holes).filter(
    ([, value]) => typeof value === 'string' || typeof value === 'number',
  )
  return Object.fromEntries(known) as Holes
}

/** Whether the server told everything that the sentence needs. */
function filled(sentence: string): boolean {
  return !/\{\w+\}/.test(sentence)
}
