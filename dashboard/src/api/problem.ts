// RFC 9457: what went wrong, as the server says it; and what we know when there was no server to say anything.

import type { Problem as Said } from './types'

type Violation = NonNullable<Said['violations']>[number]

export interface Problem {
  type?: string
  title?: string
  status: number
  detail?: string
  code?: string
  trace_id?: string
  violations?: Violation[]
  /** Seconds, from `Retry-After`. */
  retryAfter: number | null
  /** Whatever else the server says: the current status, what is allowed, who was faster. */
  more: Record<string, unknown>
}

export class ApiError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${problem.status}`)
    this.name = 'ApiError'
    this.problem = problem
  }
}

/** Nobody answered: status 0. */
export function unreachable(): ApiError {
  return new ApiError({ status: 0, code: 'unreachable', retryAfter: null, more: {} })
}

export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null
  if (/^\d+$/.test(header.trim())) return Number(header)
  const at = Date.parse(header)
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000))
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

export function parseProblem(status: number, retryAfter: string | null, body: string, now: number): Problem {
  const problem: Problem = { status, retryAfter: parseRetryAfter(retryAfter, now), more: {} }
  let said: unknown
  try {
    said = JSON.parse(body)
  } catch {
    return problem
  }
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return problem
  const {
    type,
    title,
    detail,
    code,
    trace_id,
    violations,
    status: _,
    ...more
  } = said as Record<string, unknown>
  return {
    ...problem,
    type: text(type),
    title: text(title),
    detail: text(detail),
    code: text(code),
    trace_id: text(trace_id),
    violations: Array.isArray(violations) ? (violations as Violation[]) : undefined,
    more,
  }
}

/** Whether asking again later may help: the request itself was not at fault. */
export function isTemporary(problem: Problem): boolean {
  if (problem.status === 409) return problem.code === 'in-progress'
  return [0, 429, 502, 503, 504].includes(problem.status)
}
