import { describe, expect, test } from 'vitest'
import type { MetalFixing } from '../src/api/types'
import { byMetal } from '../src/metals/by-metal'
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
    const [gold] = byMetal([
      fixing(3, 'gold', 'accepted', 7),
      fixing(2, 'gold', 'accepted', 8),
      fixing(1, 'gold', 'accepted', 6),
      fixing(4, 'gold', 'rejected'),
    ])
    expect(gold?.holds?.fixing_id).toBe(2)
    expect(gold?.waits).toBeNull()
    expect(gold?.before.map(({ fixing_id }) => fixing_id)).toEqual([3, 1])
  })

  test('may wait while none holds yet', () => {
    const metals = byMetal([fixing(1, 'silver', 'waiting'), fixing(2, 'platinum', 'accepted', 1)])
    expect(metals.map(({ metal, holds, waits }) => [metal, holds?.fixing_id, waits?.fixing_id])).toEqual([
      ['silver', undefined, 1],
      ['platinum', 2, undefined],
    ])
  })
})
