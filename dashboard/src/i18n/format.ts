// Times, durations and money as people of a language write them.

import type { Money } from '../api/types'

export type Language = 'en' | 'ru'

const LOCALE: Record<Language, string> = { en: 'en-GB', ru: 'ru-RU' }

export function formats(language: Language) {
  const locale = LOCALE[language]
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' })
  const dayTime = new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  })
  const daySeconds = new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' })
  const number = new Intl.NumberFormat(locale)
  const decimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 })

  const small = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 })
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 })
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 })

  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit: name,
      unitDisplay: language === 'ru' ? 'short' : 'narrow',
    }).format(value)

  const durationText = (seconds: number) =>
    durationParts(seconds)
      .map(([value, name]) => unit(value, name))
      .join(' ')

  return {
    dateTime: (at: string | number) => dateTime.format(new Date(at)),
    dayTime: (at: string | number) => dayTime.format(new Date(at)),
    daySeconds: (at: string | number) => daySeconds.format(new Date(at)),
    day: (at: string | number) => day.format(new Date(at)),
    time: (at: string | number) => time.format(new Date(at)),
    number: (value: number) => number.format(value),
    decimal: (value: number | string) => decimal.format(Number(value)),
    /** What was measured: three digits are enough. */
    measure: (value: number) => (Math.abs(value) < 100 ? small : whole).format(value),
    percent: (share: number) => percent.format(share),
    money: (money: Money) => amount(money.minor, money.currency, locale),
    /** To the tenth of a second where that says more than nothing. */
    precise: (seconds: number) =>
      seconds < 10 ? unit(Math.round(seconds * 10) / 10, 'second') : durationText(seconds),
    duration: durationText,
  }
}

export type Formats = ReturnType<typeof formats>

function amount(minor: number, currency: string, locale: string): string {
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
  })
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2
  return format.format(minor / 10 ** digits)
}

/** The two largest units that say something: 2 days 4 hours, 5 minutes, 40 seconds. */
export function durationParts(seconds: number): [number, string][] {
  const whole = Math.max(0, Math.floor(seconds))
  const all: [number, string][] = [
    [Math.floor(whole / 86_400), 'day'],
    [Math.floor(whole / 3600) % 24, 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ]
  const first = all.findIndex(([value]) => value > 0)
  if (first < 0) return [[0, 'second']]
  return all.slice(first, first + 2).filter(([value]) => value > 0)
}
