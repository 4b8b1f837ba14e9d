import { describe, expect, test } from 'vitest'
import { formats } from '../src/i18n/format'
import { dictionaries, translator } from '../src/i18n/text'
import { stonesText } from '../src/order/stones-text'
import { callsOf } from '../src/pricelist/names'
import { troubleText } from '../src/pricing/trouble-text'
import { readModel } from '../src/report/read-model'
import { readReport } from '../src/report/read-report'

const finding = {
  code: 'thin_walls',
  severity: 'error',
  numbers: [{ name: 'min_wall', value: 0.8, unit: 'mm' }],
  materials: ['silver-925'],
  ru: 'Стенки тонкие.',
  en: 'Walls are thin.',
}
const measures = {
  oriented_extents_mm: [21, 20, 5],
  shadow_mm2: null,
  thickness: { p1_mm: 0.4, p5_mm: 0.5, median_mm: 1.5, p90_mm: 2, points: 4096 },
  self_overlap_mm3: 0,
}

describe('a report', () => {
  test('is read as the engine wrote it', () => {
    const report = readReport({ engine_version: 'e/1', measures, findings: [finding] })
    expect(report?.findings).toEqual([finding])
    expect(report?.measures).toEqual({
      oriented_extents_mm: [21, 20, 5],
      shadow_mm2: null,
      thinnest_mm: 0.4,
      median_mm: 1.5,
    })
  })

  test('of another engine is read as far as it is understood', () => {
    const strange = { ...finding, severity: 'dire', numbers: [{ name: 'x' }, null], materials: [1] }
    const report = readReport({ findings: [strange, 'x', { severity: 'info' }] })
    expect(report?.findings).toEqual([{ ...finding, severity: 'warning', numbers: [], materials: [] }])
    for (const nothing of [null, undefined, 'x', 7, {}, []]) expect(readReport(nothing)).toBeNull()
  })

  test('has numbers of three digits', () => {
    const { measure } = formats('ru')
    expect(measure(0.71234)).toBe('0,712')
    expect(measure(12_345.6).replace(/\s/g, ' ')).toBe('12 346')
  })
})

describe('what was measured', () => {
  const analysis = {
    format: 'stl-binary',
    facets: 12,
    shells: 1,
    bbox_mm: [1, 2, 3],
    boundary_edges: 3,
    voids: 0,
  }

  test('is shown with its standing, and with counts that say something', () => {
    const standing = { standing: 'provisional', verdict: { status: 'not_closed' }, low_mm3: 5, high_mm3: 6 }
    const model = readModel({ analysis, standing })
    expect(model).toMatchObject({ standing: 'provisional', verdict: 'not_closed', low_mm3: 5, high_mm3: 6 })
    expect(model?.counts).toEqual([{ name: 'boundary_edges', count: 3 }])
    expect(model?.volume_mm3).toBeNull()
  })

  test('is nothing before anybody measured', () => {
    expect(readModel(null)).toBeNull()
    expect(readModel({ state: 'running', analysis: null })).toBeNull()
    expect(readModel({ analysis })?.standing).toBeNull()
  })
})

describe('why there is no price', () => {
  test('is said in words where the code is known', () => {
    for (const language of ['en', 'ru'] as const) {
      const t = translator(language)
      expect(troubleText('not_closed', 'said', t)).toBe(dictionaries[language]['trouble.not-closed'])
      expect(troubleText('attempts-exhausted', 'said', t)).not.toBe('said')
      expect(troubleText('something_new', 'said', t)).toBe('said')
    }
  })
})

test('stones are named in a line, also of a kind that is new', () => {
  const settings = [
    { kind: 'pave', count: 24 },
    { kind: 'channel', count: 2 },
  ]
  expect(stonesText(settings, callsOf(undefined, 'en', translator('en')))).toBe('pavé × 24, channel × 2')
})
