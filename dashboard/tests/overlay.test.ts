import { describe, expect, test } from 'vitest'
import {
  forget,
  layOverCard,
  layOverCounts,
  layOverPages,
  layOverRows,
  learnAnswer,
  learnRows,
  NOTHING,
  type Overlay,
  type Page,
  type View,
} from '../src/order/overlay'
import { row, view } from './rows'

const APPROVED = 'MANUFACTURING_APPROVED'
const STARTED = 'MANUFACTURING_STARTED'

const page = (position: string, orders: Page['orders'], next_cursor: string | null = null): Page => ({
  position,
  orders,
  next_cursor,
})
const list = (status: string, sorting: View['sorting']): View => ({
  matches: (r) => r.status === status,
  sorting,
})
const newest = (status: string) => list(status, 'newest')
const oldest = (status: string) => list(status, 'oldest')
const ids = (pages: Page[], overlay: Overlay, shown = newest(APPROVED)) =>
  layOverPages(pages, overlay, shown).map((r) => r.order_id)

describe('one’s own change', () => {
  const taken = learnAnswer(NOTHING, view('b', STARTED, 6, 30), '1-20', APPROVED)

  test('takes the order out of the list that it left, while the read side lags', () => {
    const lagging = page('1-10', [row('c', APPROVED, 5, 12), row('b', APPROVED, 5, 11)])
    expect(ids([lagging], taken)).toEqual(['c'])
  })

  test('puts the order into the list that it entered', () => {
    expect(ids([page('1-10', [row('a', STARTED, 6, 5)])], taken, newest(STARTED))).toEqual(['b', 'a'])
  })

  test('is on the card at once, and gone when the card has caught up', () => {
    expect(layOverCard(view('b', APPROVED, 5, 11), taken, 'b')?.status).toBe(STARTED)
    expect(layOverCard(view('b', 'MANUFACTURING_COMPLETED', 7, 40), taken, 'b')?.version).toBe(7)
    expect(layOverCard(undefined, taken, 'b')?.status).toBe(STARTED)
    expect(layOverCard(undefined, taken, 'a')).toBeUndefined()
  })

  test('moves the counts until they have come as far', () => {
    const counts = { counts: { [APPROVED]: 3, [STARTED]: 0 }, as_of: '' }
    expect(layOverCounts({ ...counts, position: '1-19' }, taken)).toMatchObject({
      [APPROVED]: 2,
      [STARTED]: 1,
    })
    expect(layOverCounts({ ...counts, position: '1-20' }, taken)).toMatchObject({
      [APPROVED]: 3,
      [STARTED]: 0,
    })
  })

  test('does not count what did not move: asking twice is no change', () => {
    const twice = learnAnswer(taken, view('b', STARTED, 6, 30), '1-20', STARTED)
    expect(twice.moves).toHaveLength(1)
  })

  test('is not undone by a live row that is older', () => {
    const late = learnRows(taken, [{ row: row('b', APPROVED, 5, 11), position: '1-15' }])
    expect(late.known.get('b')?.row.status).toBe(STARTED)
  })
})

describe('live rows', () => {
  test('enter in their place, by time and then by id', () => {
    const overlay = learnRows(NOTHING, [
      { row: row('x', APPROVED, 5, 11), position: '1-11' },
      { row: row('z', APPROVED, 5, 20), position: '1-12' },
    ])
    const read = page('1-10', [row('c', APPROVED, 5, 12), row('b', APPROVED, 5, 11)])
    expect(ids([read], overlay)).toEqual(['z', 'c', 'x', 'b'])
    const turned = page('1-10', [row('b', APPROVED, 5, 11), row('c', APPROVED, 5, 12)])
    expect(ids([turned], overlay, oldest(APPROVED))).toEqual(['b', 'x', 'c', 'z'])
  })

  test('beyond the loaded pages wait for “load more”', () => {
    const overlay = learnRows(NOTHING, [{ row: row('old', APPROVED, 5, 1), position: '1-11' }])
    const first = page('1-10', [row('c', APPROVED, 5, 12), row('b', APPROVED, 5, 11)], 'more')
    expect(ids([first], overlay)).toEqual(['c', 'b'])
    expect(ids([first, page('1-10', [row('a', APPROVED, 5, 0)])], overlay)).toEqual(['c', 'b', 'old', 'a'])
  })

  test('do not bring back an order that a newer page no longer shows', () => {
    const overlay = learnRows(NOTHING, [{ row: row('gone', APPROVED, 5, 12), position: '1-11' }])
    expect(ids([page('1-11', [])], overlay)).toEqual([])
    expect(ids([page('1-10', [])], overlay)).toEqual(['gone'])
  })

  test('an order on two pages is shown once: it moved while they were read', () => {
    const pages = [
      page('1-10', [row('b', APPROVED, 5, 11)], 'more'),
      page('1-12', [row('b', APPROVED, 5, 11)]),
    ]
    expect(ids(pages, NOTHING)).toEqual(['b'])
  })

  test('bring found rows up to date without adding any', () => {
    const overlay = learnRows(NOTHING, [
      { row: row('b', STARTED, 6, 12), position: '1-11' },
      { row: row('x', STARTED, 6, 12), position: '1-11' },
    ])
    const found = layOverRows([row('b', APPROVED, 5, 11)], overlay)
    expect(found.map((r) => [r.order_id, r.status])).toEqual([['b', STARTED]])
  })
})

describe('forgetting', () => {
  test('drops what the reader has seen, and nothing more', () => {
    const overlay = learnAnswer(
      learnRows(NOTHING, [{ row: row('a', APPROVED, 5, 1), position: '1-5' }]),
      view('b', STARTED, 6, 30),
      '1-20',
      APPROVED,
    )
    const after = forget(overlay, '1-10')
    expect([...after.known.keys()]).toEqual(['b'])
    expect(after.moves).toHaveLength(1)
    expect(forget(after, '1-20')).toEqual(NOTHING)
    expect(forget(after, '1-10')).toBe(after)
  })

  test('a new life of the log ends everything of the old one', () => {
    const overlay = learnAnswer(NOTHING, view('b', STARTED, 6, 30), '1-20', APPROVED)
    expect(forget(overlay, '2-3')).toEqual(NOTHING)
    expect(ids([page('2-3', [])], overlay, newest(STARTED))).toEqual([])
  })
})
