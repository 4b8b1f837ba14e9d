// Words of the pricing APIs: how far a price is, and the printability report, which the APIs pass on as the engine
// wrote it.

import type { COUNTS } from '../report/read-model'
import type { components } from './generated/read-api'
import type { MetalFixing } from './types'

type Read = components['schemas']

type CountName = (typeof COUNTS)[number]

/** What the newest engine that looked at a model found, as the engine wrote it. */
export interface AnalysisAnswer {
  finished_at?: string | null
  standing?: unknown
  analysis?: unknown
  report?: unknown
  refusal?: unknown
}

/** What is shown of an analysis. */
export interface ModelMeasured {
  /** `exact`, `provisional` or `refused`. */
  standing: string | null
  /** What is wrong with it. */
  verdict: string | null
  low_mm3: number | null
  high_mm3: number | null
  format: string | null
  volume_mm3: number | null
  area_mm2: number | null
  bbox_mm: number[] | null
  facets: number
  vertices: number | null
  shells: number | null
  counts: { name: CountName; count: number }[]
}

/** The last prices of metals, the newest of each first. */
export interface MetalFixings {
  fixings: MetalFixing[]
  metals?: MetalStanding[]
}

export interface MetalStanding {
  metal: MetalFixing['metal']
  freshness?: 'fresh' | 'stale' | 'too_old' | null
  has_more: boolean
}

/** What can be ordered by the rate card in force. */
export type PriceList = Read['PriceList']
export type FinishChoice = Read['FinishChoice']

/** How far the price of an order is; `null` when nothing is to be calculated. */
export interface OrderPricing {
  pricing: PricingPlace | null
}

export interface PricingPlace {
  state: string
  attempts: number
  queued_at: string
  started_at?: string | null
  /** What the worker does. */
  phase?: string | null
  percent?: number | null
  /** 1 is next; while queued. */
  place?: number | null
  place_is_at_least: boolean
  expected_at?: string | null
}

export const SEVERITIES = ['error', 'warning', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

export interface ReportNumber {
  name: string
  value: number
  unit: string
}

export interface Finding {
  code: string
  severity: Severity
  numbers: ReportNumber[]
  /** Ids of the materials it holds for; empty when for all. */
  materials: string[]
  ru: string
  en: string
}

/** What is measured for the report and not for the price. */
export interface Measures {
  oriented_extents_mm: number[] | null
  shadow_mm2: number[] | null
  thinnest_mm: number | null
  median_mm: number | null
}

export interface Report {
  engine_version: string
  measures: Measures
  findings: Finding[]
}
