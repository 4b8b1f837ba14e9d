// What somebody types into the form for a metal's price, and what is sent of it.

import type { Metal, RecordFixingBody } from '../api/types'

export const METALS = ['gold', 'silver', 'platinum', 'palladium'] as const satisfies readonly Metal[]

export interface FixingWish {
  metal: Metal
  /** In whole units of the currency, as people write it. */
  price: string
  currency: string
  source: string
  /** As an `<input type="datetime-local">` has it; empty for now. */
  observed: string
}

export type FixingField = 'price' | 'currency' | 'source' | 'observed'

const MOST_MINOR = 1_000_000_000

/** The fields that cannot be sent as they are. */
export function faultsOf(wish: FixingWish): FixingField[] {
  const currency = wish.currency.trim()
  const checks: [FixingField, boolean][] = [
    ['price', digitsOf(currency) === null || minorOf(wish.price, currency) !== null],
    ['currency', digitsOf(currency) !== null],
    ['source', /^.{1,64}$/.test(wish.source.trim())],
    ['observed', wish.observed === '' || !Number.isNaN(Date.parse(wish.observed))],
  ]
  return checks.flatMap(([field, fits]) => (fits ? [] : [field]))
}

/** What is sent; `null` while something cannot be. */
export function bodyOf(wish: FixingWish): RecordFixingBody | null {
  const currency = wish.currency.trim()
  const minor = minorOf(wish.price, currency)
  if (minor === null || faultsOf(wish).length > 0) return null
  return {
    metal: wish.metal,
    price_per_gram_minor: minor,
    currency,
    source: wish.source.trim(),
    ...(wish.observed === '' ? {} : { observed_at: new Date(wish.observed).toISOString() }),
  }
}

/** Minor units as the API wants them, to the last digit: `10 200,505` roubles are `1020050.5` kopecks. */
export function minorOf(price: string, currency: string): string | null {
  const digits = digitsOf(currency)
  const parts = /^(\d{1,10})(?:[.,](\d{1,8}))?$/.exec(price.replace(/\s/g, ''))
  if (digits === null || !parts) return null
  const [, whole = '', part = ''] = parts
  const minor = (whole + part.slice(0, digits).padEnd(digits, '0')).replace(/^0+(?=\d)/, '')
  const rest = part.slice(digits).replace(/0+$/, '')
  if (rest.length > 6) return null
  const text = rest === '' ? minor : `${minor}.${rest}`
  return Number(text) > 0 && Number(text) <= MOST_MINOR ? text : null
}

/** Digits after the point; `null` when it is no currency. */
function digitsOf(currency: string): number | null {
  if (!/^[A-Z]{3}$/.test(currency)) return null
  const format = new Intl.NumberFormat('en', { style: 'currency', currency })
  return format.resolvedOptions().maximumFractionDigits ?? 2
}
