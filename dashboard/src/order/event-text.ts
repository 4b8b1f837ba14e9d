// An event in a sentence.

import type { Money, TimelineEntry } from '../api/types'
import type { Formats } from '../i18n/format'
import { useI18n } from '../i18n/i18n'
import { type Holes, hasKey, type Translate } from '../i18n/text'

export function useEventText(entry: TimelineEntry): string {
  const { t, f } = useI18n()
  return eventText(entry, t, f)
}

export function eventText(entry: TimelineEntry, t: Translate, f: Formats): string {
  const key = `event.${entry.kind}`
  // A newer server may know events that we do not: their name is better than nothing.
  return hasKey(key) ? t(key, holesOf(entry.data ?? {}, f)) : entry.kind
}

function holesOf(data: Record<string, unknown>, f: Formats): Holes {
  const holes: Holes = {}
  for (const [name, value] of Object.entries(data)) {
    if (typeof value === 'string' || typeof value === 'number') holes[name] = value
  }
  const { price, operator } = data as { price?: { total?: Money }; operator?: { name?: string } }
  if (price?.total) holes.total = f.money(price.total)
  if (operator?.name) holes.operator = operator.name
  return holes
}
