import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { STATUSES } from '../src/api/types'
import { durationParts, formats } from '../src/i18n/format'
import { preferredLanguage } from '../src/i18n/language'
import { dictionaries, type Entry, hasKey, translator } from '../src/i18n/text'

const forms = (entry: Entry): string[] => (typeof entry === 'string' ? [entry] : Object.values(entry))
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
const entries = (language: 'en' | 'ru') => Object.entries<Entry>(dictionaries[language])

describe('the dictionaries', () => {
  test('have the same keys', () => {
    expect(Object.keys(dictionaries.ru).sort()).toEqual(Object.keys(dictionaries.en).sort())
  })

  test('have no empty text', () => {
    for (const [key, entry] of [...entries('en'), ...entries('ru')]) {
      for (const text of forms(entry)) expect(text.trim(), key).not.toBe('')
    }
  })

  test('have the same holes in both languages and in every form', () => {
    const english = new Map(entries('en'))
    for (const [key, entry] of entries('ru')) {
      const wanted = holes(forms(english.get(key) ?? '')[0] ?? '')
      for (const text of [...forms(entry), ...forms(english.get(key) ?? '')])
        expect(holes(text), key).toEqual(wanted)
    }
  })

  test('have every plural form that the language has, and count in both or in neither', () => {
    for (const language of ['en', 'ru'] as const) {
      const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories.sort()
      for (const [key, entry] of entries(language)) {
        if (typeof entry !== 'string') expect(Object.keys(entry).sort(), key).toEqual(categories)
        const other = dictionaries[language === 'en' ? 'ru' : 'en'][key as keyof typeof dictionaries.en]
        expect(typeof other, key).toBe(typeof entry)
      }
    }
  })

  test('say nothing in the other language', () => {
    const spoken = (key: string) =>
      !/^(price|report)\.unit\./.test(key) && !['role.crm', 'language.other'].includes(key)
    for (const [key, entry] of entries('ru').filter(([key]) => spoken(key))) {
      for (const text of forms(entry)) expect(text, key).toMatch(/[а-яё]/i)
    }
    for (const [key, entry] of entries('en').filter(([key]) => spoken(key))) {
      for (const text of forms(entry)) expect(text, key).not.toMatch(/[а-яё]/i)
    }
  })

  test('have no text that nothing shows', () => {
    const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file) && !/i18n.(en|ru)\.ts$/.test(file))
      .map((file) => readFileSync(`src/${file}`, 'utf8'))
      .join('\n')
    const made = [...source.matchAll(/`([a-z-]+(?:\.[a-z-]+)*\.)\$\{/g)].map((match) => match[1] ?? '')
    const shown = (key: string) =>
      source.includes(`'${key}'`) ||
      source.includes(`"${key}"`) ||
      made.some((start) => key.startsWith(start))
    expect(Object.keys(dictionaries.en).filter((key) => !shown(key))).toEqual([])
  })

  test('name every status', () => {
    for (const status of STATUSES) expect(hasKey(`status.${status}`)).toBe(true)
  })
})

describe('plurals', () => {
  test.each([
    [1, '1 заказ у вас в руках'],
    [2, '2 заказа у вас в руках'],
    [5, '5 заказов у вас в руках'],
    [11, '11 заказов у вас в руках'],
    [21, '21 заказ у вас в руках'],
    [112, '112 заказов у вас в руках'],
  ])('%i in Russian', (count, text) => {
    expect(translator('ru')('my-work.count', { count })).toBe(text)
  })

  test('in English', () => {
    const t = translator('en')
    expect(t('row.pieces', { count: 1 })).toBe('1 piece')
    expect(t('row.pieces', { count: 0 })).toBe('0 pieces')
  })
})

describe('the language', () => {
  test('is the one chosen before, else the browser’s, else English', () => {
    expect(preferredLanguage('ru', ['en-US'])).toBe('ru')
    expect(preferredLanguage(null, ['ru-RU', 'en'])).toBe('ru')
    expect(preferredLanguage(null, ['de-DE', 'ru'])).toBe('ru')
    expect(preferredLanguage(null, ['de-DE'])).toBe('en')
    expect(preferredLanguage('de', ['de-DE'])).toBe('en')
  })
})

describe('formats', () => {
  const [en, ru] = [formats('en'), formats('ru')]
  const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

  test('money in minor units, with as many digits as the currency has', () => {
    expect(plain(ru.money({ minor: 1_234_567, currency: 'RUB' }))).toBe('12 345,67 ₽')
    expect(en.money({ minor: -50, currency: 'EUR' })).toBe('-€0.50')
    expect(en.money({ minor: 1234, currency: 'JPY' })).toBe('¥1,234')
  })

  test('durations in their two largest units', () => {
    expect(durationParts(0)).toEqual([[0, 'second']])
    expect(durationParts(-5)).toEqual([[0, 'second']])
    expect(durationParts(59.9)).toEqual([[59, 'second']])
    expect(durationParts(3600)).toEqual([[1, 'hour']])
    expect(durationParts(93_784)).toEqual([
      [1, 'day'],
      [2, 'hour'],
    ])
    expect(plain(en.duration(93_784))).toBe('1d 2h')
    expect(plain(ru.duration(65))).toBe('1 мин 5 с')
    expect(plain(ru.precise(0.234))).toBe('0,2 с')
    expect(en.precise(65)).toBe('1m 5s')
  })
})
