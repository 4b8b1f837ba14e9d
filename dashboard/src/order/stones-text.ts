// Stones of a piece, in a line.

import type { StoneSetting } from '../api/types'
import type { Calls } from '../pricelist/names'

export function stonesText(settings: readonly StoneSetting[], calls: Calls): string {
  return settings.map(({ kind, count }) => `${calls.setting(kind)} × ${count}`).join(', ')
}
