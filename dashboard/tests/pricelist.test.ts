import { describe, expect, test } from 'vitest'
import type { PriceList } from '../src/api/pricing-types'
import { translator } from '../src/i18n/text'
import { callsOf, finishesFor } from '../src/pricelist/names'

const list: PriceList = {
  rate_card_version: 2,
  valid_from: '2026-11-23T03:00:00Z',
  materials: [
    { id: 'silver-925', kind: 'metal', names: { ru: 'Серебро 925', en: 'Silver 925' } },
    { id: 'nylon', kind: 'nylon' },
  ],
  finishes: [
    { id: 'raw', only_for: [], names: null },
    { id: 'polished', only_for: ['metal'], names: { ru: 'Полировка', en: 'Polished' } },
  ],
  settings: [{ id: 'pave', names: { ru: 'Закрепка паве', en: 'Pavé setting' } }, { id: 'prong' }],
  has_rush: true,
  position: '1.5',
}

describe('what can be ordered', () => {
  test('is called as the price list calls it, in the language of whoever looks', () => {
    const [russian, english] = [callsOf(list, 'ru', translator('ru')), callsOf(list, 'en', translator('en'))]
    expect([russian.material('silver-925'), russian.finish('polished')]).toEqual(['Серебро 925', 'Полировка'])
    expect([english.finish('polished'), english.setting('pave')]).toEqual(['Polished', 'Pavé setting'])
  })

  test('goes by what orders call it where the list has no name, or is not known', () => {
    const calls = callsOf(list, 'ru', translator('ru'))
    expect([calls.finish('raw'), calls.finish('gilded'), calls.material('nylon')]).toEqual([
      'raw',
      'gilded',
      'nylon',
    ])
    const without = callsOf(undefined, 'en', translator('en'))
    expect([without.finish('polished'), without.setting('pave'), without.setting('glue')]).toEqual([
      'polished',
      'pavé',
      'glue',
    ])
    expect(calls.setting('prong')).toBe('крапановая закрепка')
  })

  test('has the finishes that suit the material', () => {
    const ids = (material: string) => finishesFor(list, material).map(({ id }) => id)
    expect(ids('nylon')).toEqual(['raw'])
    expect(ids(' silver-925 ')).toEqual(['raw', 'polished'])
    expect(ids('silv')).toEqual(['raw', 'polished'])
  })
})
