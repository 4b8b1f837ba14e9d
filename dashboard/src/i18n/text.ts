// Texts with holes and plurals. Small enough to own: a dictionary, `{name}` holes and the platform's plural rules.

import { en } from './en'
import type { Language } from './format'
import { ru } from './ru'

export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }
export type Entry = string | Plural
export type Key = keyof typeof en
export type Dictionary = Record<Key, Entry>
export type Holes = Record<string, string | number>
export type Translate = (key: Key, holes?: Holes) => string

export const dictionaries: Record<Language, Dictionary> = { en, ru }

export function translator(language: Language): Translate {
  const dictionary = dictionaries[language]
  const rules = new Intl.PluralRules(language)
  const number = new Intl.NumberFormat(language)
  const show = (value: string | number) => (typeof value === 'number' ? number.format(value) : value)
  return (key, holes = {}) => {
    const entry = dictionary[key]
    const text = typeof entry === 'string' ? entry : (entry[rules.select(Number(holes.count))] ?? entry.other)
    return text.replace(/\{(\w+)\}/g, (hole, name: string) => show(holes[name] ?? hole))
  }
}

/** The text for a name that a server gave; `otherwise` for names that a newer server may use. */
export function named(t: Translate, key: string, otherwise: string): string {
  return hasKey(key) ? t(key) : otherwise
}

export function hasKey(key: string): key is Key {
  return key in en
}
