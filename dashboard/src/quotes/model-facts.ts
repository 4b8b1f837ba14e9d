// What an upload shows of a model, in the unit that somebody means.

import type { Unit, UploadedModel } from '../api/types'

const MILLIMETRES: Record<string, number> = {
  micrometre: 0.001,
  millimetre: 1,
  centimetre: 10,
  inch: 25.4,
  foot: 304.8,
  metre: 1000,
}

/** Formats that may carry a unit of their own. */
export function usualUnit(fileName: string): Unit {
  return /\.(3mf|glb)$/i.test(fileName) ? 'file' : 'millimetre'
}

/** Millimetres along x, y and z; `null` as long as they are not known. */
export function sizeInMillimetres(model: UploadedModel, unit: Unit): number[] | null {
  const meant = unit === 'file' ? model.outside.unit : unit
  const scale = MILLIMETRES[meant ?? '']
  return scale && model.outside.extents ? model.outside.extents.map((side) => side * scale) : null
}
