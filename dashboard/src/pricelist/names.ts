// What people call what can be ordered. The price list in force says it in both languages; what it does not name, as
// older ones name nothing, goes by the name that orders use.

import type { FinishChoice, PriceList } from '../api/pricing-types'
import type { Language } from '../i18n/format'
import { named, type Translate } from '../i18n/text'

export interface Choice {
  id: string
  names?: { ru: string; en: string } | null
}

/** As it is called on a screen. */
export interface Calls {
  material(id: string): string
  finish(id: string): string
  setting(id: string): string
}

export function callsOf(list: PriceList | undefined, language: Language, t: Translate): Calls {
  return {
    material: (id) => nameOf(list?.materials, id, language) ?? id,
    finish: (id) => nameOf(list?.finishes, id, language) ?? id,
    // The dashboard knew a few before price lists did.
    setting: (id) => nameOf(list?.settings, id, language) ?? named(t, `setting.${id}`, id),
  }
}

function nameOf(choices: readonly Choice[] | undefined, id: string, language: Language): string | null {
  return choices?.find((choice) => choice.id === id)?.names?.[language] ?? null
}

/** The finishes that there are for a material; all of them as long as the list does not know the material. */
export function finishesFor(list: PriceList, material: string): FinishChoice[] {
  const kind = list.materials.find(({ id }) => id === material.trim())?.kind
  return list.finishes.filter(({ only_for }) => !kind || only_for.length === 0 || only_for.includes(kind))
}
