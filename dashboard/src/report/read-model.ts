// What was measured of a model, read with care: an older or newer engine may have other words.

import type { ModelMeasured } from '../api/pricing-types'

type Fields = Record<string, unknown>

/** What is counted of a model, in the order in which it is shown; zeros say nothing and are left out. */
export const COUNTS = [
  'pieces',
  'voids',
  'boundary_edges',
  'nonmanifold_edges',
  'badly_wound_edges',
  'misoriented_shells',
  'overlapping_pairs',
  'duplicate_facets',
  'zero_area_facets',
] as const

/** `null` as long as nothing was measured. */
export function readModel(answer: unknown): ModelMeasured | null {
  const { analysis, standing } = fields(answer)
  const measured = fields(analysis)
  if (typeof measured.facets !== 'number') return null
  const { standing: word, verdict, low_mm3, high_mm3 } = fields(standing)
  return {
    standing: typeof word === 'string' ? word : null,
    verdict: text(fields(verdict).status),
    low_mm3: number(low_mm3),
    high_mm3: number(high_mm3),
    format: text(measured.format),
    volume_mm3: number(measured.volume_mm3),
    area_mm2: number(measured.area_mm2),
    bbox_mm: three(measured.bbox_mm),
    facets: measured.facets,
    vertices: number(measured.vertices),
    shells: number(measured.shells),
    counts: COUNTS.flatMap((name) => {
      const count = number(measured[name])
      return count ? [{ name, count }] : []
    }),
  }
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function three(value: unknown): number[] | null {
  const numbers = Array.isArray(value) ? value.filter((each) => typeof each === 'number') : []
  return numbers.length === 3 ? numbers : null
}
