import { describe, expect, test } from 'vitest'
import type { MetalFixing } from '../src/api/types'
import { byMetal } from '../src/metals/by-metal'
import { bodyOf, type FixingWish, faultsOf, minorOf } from '../src/metals/fixing-wish'
import { at } from './rows'

const fixing = (
  fixing_id: number,
  metal: MetalFixing['metal'],
  state: MetalFixing['state'],
  set_id: number | null = null,
): MetalFixing => ({
  fixing_id,
  metal,
  state,
  set_id,
  price_per_gram_minor: '1020050.5',
  currency: 'RUB',
  source: 'LBMA',
  observed_at: at(fixing_id),
  received_at: at(fixing_id),
  published_by: { role: 'system', component: 'feed' },
})

describe('prices of metals', () => {
  test('hold when they were accepted last, not when they came last', () => {
    const [gold] = byMetal({
      fixings: [
        fixing(3, 'gold', 'accepted', 7),
        fixing(2, 'gold', 'accepted', 8),
        fixing(1, 'gold', 'accepted', 6),
        fixing(4, 'gold', 'rejected'),
      ],
    })
    expect(gold?.holds?.fixing_id).toBe(2)
    expect(gold?.waits).toBeNull()
    expect(gold?.before.map(({ fixing_id }) => fixing_id)).toEqual([3, 1])
  })

  test('may wait while none holds yet', () => {
    const metals = byMetal({
      fixings: [fixing(1, 'silver', 'waiting'), fixing(2, 'platinum', 'accepted', 1)],
    })
    expect(metals.map(({ metal, holds, waits }) => [metal, holds?.fixing_id, waits?.fixing_id])).toEqual([
      ['silver', undefined, 1],
      ['platinum', 2, undefined],
    ])
  })

  test('are as old as the server says, and an older server says nothing of it', () => {
    const fixings = [fixing(1, 'silver', 'waiting'), fixing(2, 'gold', 'accepted', 1)]
    const metals = [
      { metal: 'gold' as const, freshness: 'stale' as const, has_more: true },
      { metal: 'silver' as const, freshness: null, has_more: false },
    ]
    const told = byMetal({ fixings, metals }).map(({ metal, freshness, hasMore }) => [
      metal,
      freshness,
      hasMore,
    ])
    expect(told).toEqual([
      ['silver', null, false],
      ['gold', 'stale', true],
    ])
    expect(byMetal({ fixings })[1]).toMatchObject({ freshness: null, hasMore: false })
  })
})

describe('a price that somebody types', () => {
  const wish: FixingWish = {
    metal: 'gold',
    price: '10 200,50',
    currency: 'RUB',
    source: ' LBMA ',
    observed: '',
  }

  test('is sent in minor units, to the last digit', () => {
    expect(minorOf('10200.50', 'RUB')).toBe('1020050')
    expect(minorOf('10 200,505', 'RUB')).toBe('1020050.5')
    expect(minorOf('0,00000001', 'RUB')).toBe('0.000001')
    expect(minorOf('007', 'RUB')).toBe('700')
    expect(minorOf('10000000', 'RUB')).toBe('1000000000')
    expect(minorOf('5000', 'JPY')).toBe('5000')
    expect(minorOf('5000.25', 'JPY')).toBe('5000.25')
  })

  test('is not sent when it can be read in two ways, or in none', () => {
    for (const price of [
      '',
      '0',
      '0,00',
      '-1',
      '1e3',
      '10,200.50',
      '1.2.3',
      '10000000.01',
      '1.000000001',
      'x',
      ',5',
    ]) {
      expect(minorOf(price, 'RUB'), price).toBeNull()
      expect(faultsOf({ ...wish, price }), price).toEqual(['price'])
      expect(bodyOf({ ...wish, price }), price).toBeNull()
    }
  })

  test('is sent with who says so, and with its moment when there is one', () => {
    const said = { metal: 'gold', price_per_gram_minor: '1020050', currency: 'RUB', source: 'LBMA' }
    expect(bodyOf(wish)).toEqual(said)
    const observed = '2026-11-23T06:00'
    const observed_at = new Date(observed).toISOString()
    expect(bodyOf({ ...wish, observed })).toEqual({ ...said, observed_at })
  })

  test('names the field that cannot be sent', () => {
    expect(faultsOf({ ...wish, currency: 'roubles' })).toEqual(['currency'])
    expect(faultsOf({ ...wish, source: '  ' })).toEqual(['source'])
    expect(faultsOf({ ...wish, source: 'x'.repeat(65) })).toEqual(['source'])
    expect(faultsOf({ ...wish, observed: 'yesterday' })).toEqual(['observed'])
    expect(faultsOf({ ...wish, price: '', source: '' })).toEqual(['price', 'source'])
  })
})
