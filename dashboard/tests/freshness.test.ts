import { describe, expect, test } from 'vitest'
import { ageSeconds, freshnessStore, note } from '../src/api/freshness'
import { standStill } from '../src/board/steady'
import { freshnessKind } from '../src/ui/freshness-kind'
import { row } from './rows'

const NOW = Date.UTC(2026, 10, 22, 12)
const iso = (ms: number) => new Date(ms).toISOString()

describe('the age of data', () => {
  test('is what the answer says, by the server’s clock', () => {
    const freshness = freshnessStore()
    expect(ageSeconds(freshness.get(), NOW)).toBeNull()
    const serverNow = NOW + 3_600_000
    note(
      freshness,
      { position: '1-5', as_of: iso(serverNow - 4000), date: new Date(serverNow).toUTCString() },
      NOW,
    )
    expect(ageSeconds(freshness.get(), NOW)).toBe(4)
  })

  test('does not grow because an older answer came later', () => {
    const freshness = freshnessStore()
    note(freshness, { position: '1-5', as_of: iso(NOW) }, NOW)
    note(freshness, { position: '1-4', as_of: iso(NOW - 60_000) }, NOW)
    expect(freshness.get()).toMatchObject({ position: '1-5', asOf: NOW })
  })

  test('in words: stale wins over a living connection', () => {
    expect(freshnessKind('live', 1, null)).toBe('live')
    expect(freshnessKind('live', 60, null)).toBe('stale')
    expect(freshnessKind('live', 1, 'primary')).toBe('stale')
    expect(freshnessKind('reconnecting', 60, null)).toBe('reconnecting')
    expect(freshnessKind('connecting', null, null)).toBe('connecting')
  })
})

describe('rows under the pointer', () => {
  const [a, b, c] = [row('a', 'SUBMITTED', 1, 1), row('b', 'SUBMITTED', 1, 2), row('c', 'SUBMITTED', 1, 3)]
  const moved = row('a', 'PRICE_CALCULATED', 2, 4)

  test('keep their places; new ones wait, gone ones say where they went', () => {
    const { shown, held } = standStill([a, b], [c, b], () => moved)
    expect(shown).toEqual([
      { row: moved, gone: true },
      { row: b, gone: false },
    ])
    expect(held).toBe(1)
  })

  test('that have left are gone even while nobody knows where to', () => {
    expect(standStill([a], [], (row) => row).shown).toEqual([{ row: a, gone: true }])
  })

  test('move freely otherwise', () => {
    expect(standStill(null, [c, b], (row) => row)).toMatchObject({ shown: [{ row: c }, { row: b }], held: 0 })
  })
})
