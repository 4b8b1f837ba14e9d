// Stones of a piece, in a line.

import type { StoneSetting } from '../api/types'
import { named, type Translate } from '../i18n/text'

export function stoneName(kind: string, t: Translate): string {
  return named(t, `setting.${kind}`, kind)
}

export function stonesText(settings: readonly StoneSetting[], t: Translate): string {
  return settings.map(({ kind, count }) => `${stoneName(kind, t)} × ${count}`).join(', ')
}
