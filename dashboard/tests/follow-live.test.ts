import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { freshnessStore } from '../src/api/freshness'
import { store } from '../src/api/store'
import type { Counts } from '../src/api/types'
import { learnAnswer, learnRows, NOTHING } from '../src/order/overlay'
import { followLive } from '../src/session/follow-live'
import { forgetWhatWasRead, leastPosition } from '../src/session/forget'
import { at, row, view } from './rows'

const event = (name: string, id: string, data: unknown) => ({ event: name, id, data: JSON.stringify(data) })

function session() {
  const queries = new QueryClient()
  const overlay = store(NOTHING)
  const floors: string[] = []
  const again: unknown[] = []
  vi.spyOn(queries, 'invalidateQueries').mockImplementation(async (filters) => {
    again.push(filters?.queryKey ?? 'all')
  })
  const freshness = freshnessStore()
  const live = followLive({ queries, overlay, freshness, raiseFloor: (position) => floors.push(position) })
  return { queries, overlay, floors, again, freshness, live }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('what the live stream changes', () => {
  test('rows of a moment are one change', () => {
    const { overlay, live } = session()
    const changed = vi.fn()
    overlay.subscribe(changed)
    live.onEvent(event('order', '1-5', row('a', 'SUBMITTED', 1, 0)))
    live.onEvent(event('order', '1-6', row('b', 'SUBMITTED', 1, 1)))
    expect(changed).not.toHaveBeenCalled()
    vi.advanceTimersByTime(200)
    expect(changed).toHaveBeenCalledTimes(1)
    expect([...overlay.get().known.keys()]).toEqual(['a', 'b'])
  })

  test('counts go forward only', () => {
    const { queries, live } = session()
    live.onEvent(event('counts', '1-6', { counts: { SUBMITTED: 2 }, position: '1-6' }))
    live.onEvent(event('counts', '1-5', { counts: { SUBMITTED: 1 }, position: '1-5' }))
    expect(queries.getQueryData<Counts>(['counts'])?.counts.SUBMITTED).toBe(2)
  })

  test('a heartbeat tells how old everything is', () => {
    const { freshness, live } = session()
    live.onEvent(event('heartbeat', '1-6', { position: '1-6', as_of: at(3) }))
    expect(freshness.get()).toMatchObject({ position: '1-6', asOf: Date.parse(at(3)) })
  })

  test('after a gap everything is read again, not from before the stream', () => {
    const { again, floors, live } = session()
    live.onGap()
    live.onEvent(event('heartbeat', '1-6', { position: '1-6', as_of: at(3) }))
    live.onEvent(event('heartbeat', '1-7', { position: '1-7', as_of: at(4) }))
    expect(floors).toEqual(['1-6'])
    expect(again).toEqual(['all'])
  })

  test('an open card that is older is read again with its timeline', () => {
    const { queries, again, live } = session()
    queries.setQueryData(['card', 'a'], {
      order: view('a', 'SUBMITTED', 3, 0),
      position: '1-4',
      as_of: at(0),
    })
    live.onEvent(event('order', '1-4', row('a', 'SUBMITTED', 3, 0)))
    vi.advanceTimersByTime(200)
    expect(again).toEqual([])
    live.onEvent(event('order', '1-5', row('a', 'PRICE_CALCULATED', 4, 1)))
    vi.advanceTimersByTime(200)
    expect(again).toEqual([
      ['card', 'a'],
      ['timeline', 'a'],
    ])
  })
})

describe('what lies over the screen', () => {
  const known = learnRows(learnAnswer(NOTHING, view('a', 'PACKAGING', 6, 1), '1-20', 'SHIPPED'), [
    { row: row('b', 'SUBMITTED', 1, 0), position: '1-5' },
  ])

  test('goes when all that is shown has come as far', () => {
    const { queries, overlay } = session()
    overlay.set(known)
    const stop = forgetWhatWasRead(queries, overlay)
    for (const key of [['list', 'board'], ['counts'], ['timeline', 'a']]) {
      new QueryObserver(queries, { queryKey: key, queryFn: () => new Promise(() => {}) }).subscribe(() => {})
    }
    queries.setQueryData(['timeline', 'a'], { position: '1-1' })
    queries.setQueryData(['list', 'board'], { pages: [{ position: '1-30' }, { position: '1-7' }] })
    expect([...overlay.get().known.keys()]).toEqual(['a'])
    queries.setQueryData(['counts'], { position: '1-6' })
    queries.setQueryData(['list', 'board'], { pages: [{ position: '1-30' }] })
    expect([...overlay.get().known.keys()]).toEqual(['a'])
    queries.setQueryData(['counts'], { position: '1-30' })
    expect(overlay.get()).toEqual(NOTHING)
    stop()
  })

  test('the least position is that of the page that is furthest behind', () => {
    expect(leastPosition([{ position: '1-9' }, { pages: [{ position: '1-10' }, { position: '1-8' }] }])).toBe(
      '1-8',
    )
    expect(leastPosition([undefined, {}])).toBeNull()
  })
})
