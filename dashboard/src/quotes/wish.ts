// What somebody types into the question, and what is sent of it.

import type { QuoteBody, StoneSetting, Unit } from '../api/types'

export interface Wish {
  reference: string
  unit: Unit
  material: string
  finish: string
  quantity: string
  rush: boolean
  stones: { kind: string; count: string }[]
}

export const FIRST_WISH: Wish = {
  reference: '',
  unit: 'millimetre',
  material: '',
  finish: '',
  quantity: '1',
  rush: false,
  stones: [],
}

export const MOST_KINDS_OF_STONES = 32

export type Field = 'model' | 'material' | 'finish' | 'quantity' | 'stones'

/** The fields that cannot be sent as they are. */
export function faultsOf(wish: Wish, modelId: string | null): Field[] {
  const kinds = wish.stones.map(({ kind }) => kind.trim())
  const stonesFit = wish.stones.every(({ kind, count }) => isKey(kind) && isCount(count))
  const checks: [Field, boolean][] = [
    ['model', modelId !== null],
    ['material', isKey(wish.material)],
    ['finish', isKey(wish.finish)],
    ['quantity', isCount(wish.quantity)],
    ['stones', stonesFit && new Set(kinds).size === kinds.length],
  ]
  return checks.flatMap(([field, fits]) => (fits ? [] : [field]))
}

export function bodyOf(wish: Wish, modelId: string): QuoteBody {
  const settings: StoneSetting[] = wish.stones.map(({ kind, count }) => ({
    kind: kind.trim(),
    count: Number(count),
  }))
  const reference = wish.reference.trim()
  return {
    ...(reference === '' ? {} : { reference }),
    model_id: modelId,
    unit: wish.unit,
    material: wish.material.trim(),
    finish: wish.finish.trim(),
    quantity: Number(wish.quantity),
    ...(wish.rush ? { rush: true } : {}),
    ...(settings.length > 0 ? { settings } : {}),
  }
}

const isKey = (text: string) => /^[a-z0-9-]{1,40}$/.test(text.trim())
const isCount = (text: string) => /^\d{1,5}$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 10_000
