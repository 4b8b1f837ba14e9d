import { expect, test } from 'vitest'
import { covers, earlier, later, parsePosition } from '../src/api/position'
import { compareInstants } from '../src/order/sorting'

test('a position reads as epoch and place', () => {
  expect(parsePosition('3-4711')).toEqual({ epoch: 3, position: 4711 })
  for (const text of ['', '4711', '1-', 'a-b', '1-2-3', null, undefined])
    expect(parsePosition(text)).toBeNull()
})

test('a reader covers what it has passed, as a number and not as text', () => {
  expect(covers('1-10', '1-9')).toBe(true)
  expect(covers('1-10', '1-10')).toBe(true)
  expect(covers('1-10', '1-11')).toBe(false)
  expect(covers(null, '1-1')).toBe(false)
})

test('an older epoch has not seen the newer one; a newer one will never return to the older', () => {
  expect(covers('1-99', '2-1')).toBe(false)
  expect(covers('2-1', '1-99')).toBe(true)
})

test('of two positions the later and the earlier', () => {
  expect(later('1-9', '1-10')).toBe('1-10')
  expect(later('2-1', '1-10')).toBe('2-1')
  expect(later(null, '1-1')).toBe('1-1')
  expect(later(null, null)).toBeNull()
  expect(earlier('1-9', '1-10')).toBe('1-9')
})

test('times compare to the microsecond, however many digits they have', () => {
  expect(compareInstants('2026-11-22T12:00:00.000001Z', '2026-11-22T12:00:00Z')).toBeGreaterThan(0)
  expect(compareInstants('2026-11-22T12:00:00.1Z', '2026-11-22T12:00:00.100000Z')).toBe(0)
  expect(compareInstants('2026-11-22T12:00:00.999999Z', '2026-11-22T12:00:01Z')).toBeLessThan(0)
  expect(compareInstants('2026-11-22T15:00:00+03:00', '2026-11-22T12:00:00Z')).toBe(0)
})
