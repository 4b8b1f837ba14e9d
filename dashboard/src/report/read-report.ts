// A report as the engine wrote it, read with care: an older or newer engine may have other words.

import { type Finding, type Measures, type Report, type ReportNumber, SEVERITIES } from '../api/pricing-types'

type Fields = Record<string, unknown>

/** `null` for what is no report. */
export function readReport(value: unknown): Report | null {
  const { engine_version, measures, findings } = fields(value)
  if (!Array.isArray(findings)) return null
  return {
    engine_version: text(engine_version),
    measures: readMeasures(fields(measures)),
    findings: findings.flatMap((finding) => readFinding(fields(finding)) ?? []),
  }
}

function readFinding({ code, severity, numbers, materials, ru, en }: Fields): Finding | null {
  if (typeof code !== 'string') return null
  return {
    code,
    // A severity that we do not know is better looked at.
    severity: SEVERITIES.find((each) => each === severity) ?? 'warning',
    numbers: list(numbers).flatMap((number) => readNumber(fields(number)) ?? []),
    materials: list(materials).filter((material) => typeof material === 'string'),
    ru: text(ru),
    en: text(en),
  }
}

function readNumber({ name, value, unit }: Fields): ReportNumber | null {
  return typeof value === 'number' ? { name: text(name), value, unit: text(unit) } : null
}

function readMeasures({ oriented_extents_mm, shadow_mm2, thickness }: Fields): Measures {
  const { p1_mm, median_mm } = fields(thickness)
  return {
    oriented_extents_mm: three(oriented_extents_mm),
    shadow_mm2: three(shadow_mm2),
    thinnest_mm: typeof p1_mm === 'number' ? p1_mm : null,
    median_mm: typeof median_mm === 'number' ? median_mm : null,
  }
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function three(value: unknown): number[] | null {
  const numbers = list(value).filter((each) => typeof each === 'number')
  return numbers.length === 3 ? numbers : null
}
