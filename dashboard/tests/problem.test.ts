import { describe, expect, test } from 'vitest'
import { backoff } from '../src/api/backoff'
import { isTemporary, parseProblem, parseRetryAfter } from '../src/api/problem'
import { formats } from '../src/i18n/format'
import { allowedText, problemText } from '../src/i18n/problem-text'
import { translator } from '../src/i18n/text'

const NOW = Date.UTC(2026, 10, 22, 12)
const t = translator('en')
const f = formats('en')

const refusal = parseProblem(
  409,
  null,
  JSON.stringify({
    type: 'urn:mes:problem:already-taken',
    title: 'The rules refuse this now',
    status: 409,
    detail: 'cannot take an order in MANUFACTURING_STARTED: taken by Anna at 2026-11-22T11:58:00Z',
    code: 'already-taken',
    current_status: 'MANUFACTURING_STARTED',
    allowed: ['give-back', 'complete', 'cancel'],
    taken_by: 'Anna',
    taken_at: '2026-11-22T11:58:00Z',
    trace_id: 'abc',
  }),
  NOW,
)

describe('a problem', () => {
  test('is read with everything the server adds', () => {
    expect(refusal).toMatchObject({ status: 409, code: 'already-taken', trace_id: 'abc' })
    expect(refusal.more).toMatchObject({ taken_by: 'Anna', current_status: 'MANUFACTURING_STARTED' })
  })

  test('survives bodies that are no problem documents', () => {
    for (const body of ['', '<html>', '[]', 'null', '7', '{"status":"no"}']) {
      expect(parseProblem(502, null, body, NOW)).toMatchObject({ status: 502, more: {} })
    }
  })

  test('says who was faster and what is allowed, in the reader’s language', () => {
    expect(problemText(refusal, t, f)).toMatch(/^Taken by Anna at 22 Nov.*\.$/)
    expect(allowedText(refusal, t)).toBe('Possible in this status: Give back, Made, Cancel order.')
    expect(problemText(refusal, translator('ru'), formats('ru'))).toMatch(/^Заказ уже взят: Anna, 22 нояб/)
  })

  test('falls back to the server’s words when a known sentence lacks its facts', () => {
    const bare = { ...refusal, more: {} }
    expect(problemText(bare, t, f)).toBe(refusal.detail)
    expect(allowedText(bare, t)).toBeNull()
    expect(problemText({ status: 418, retryAfter: null, more: {} }, t, f)).toContain('418')
  })

  test('says so when nothing more is allowed', () => {
    expect(allowedText({ ...refusal, more: { allowed: [] } }, t)).toBe('Nothing more can be asked of it.')
  })
})

describe('waiting', () => {
  test('Retry-After is seconds or a date', () => {
    expect(parseRetryAfter('3', NOW)).toBe(3)
    expect(parseRetryAfter(new Date(NOW + 5000).toUTCString(), NOW)).toBe(5)
    expect(parseRetryAfter(new Date(NOW - 5000).toUTCString(), NOW)).toBe(0)
    expect(parseRetryAfter('soon', NOW)).toBeNull()
    expect(parseRetryAfter(null, NOW)).toBeNull()
  })

  test('grows, stays bounded, and is never shorter than the server asked', () => {
    expect(backoff(1, null, 1)).toBe(500)
    expect(backoff(3, null, 1)).toBe(2000)
    expect(backoff(50, null, 1)).toBe(15_000)
    expect(backoff(3, null, 0)).toBe(1000)
    expect(backoff(1, 7, 0)).toBe(7000)
  })

  test('is worth it for weather, not for refusals', () => {
    const of = (status: number, code?: string) => isTemporary({ status, code, retryAfter: null, more: {} })
    expect([0, 429, 502, 503, 504].every((status) => of(status))).toBe(true)
    expect([400, 401, 403, 404, 422, 500].some((status) => of(status))).toBe(false)
    expect(of(409, 'already-taken')).toBe(false)
    expect(of(409, 'in-progress')).toBe(true)
  })
})
