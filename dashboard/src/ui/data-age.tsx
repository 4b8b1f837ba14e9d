// Whether what one sees is live, and if not, how old it is.

import { ageSeconds } from '../api/freshness'
import { useI18n } from '../i18n/i18n'
import { useBackend, useStore } from '../session/use-backend'
import { useNow } from './clock'
import { freshnessKind, OLD_SECONDS } from './freshness-kind'

export function DataAge() {
  const { t, f } = useI18n()
  const backend = useBackend()
  const live = useStore(backend.live)
  const freshness = useStore(backend.freshness)
  const age = ageSeconds(freshness, useNow())
  const kind = freshnessKind(live, age, freshness.stale)
  const asOf =
    freshness.asOf === null
      ? t('fresh.unknown')
      : t('fresh.as-of', { time: f.time(freshness.asOf), position: freshness.position ?? '?' })
  const old = age !== null && age > OLD_SECONDS
  return (
    <span className="fresh" data-kind={kind} title={asOf}>
      <span className="fresh-dot" aria-hidden="true" />
      <span role="status">{t(`fresh.${kind}`)}</span>
      {old && <span className="fresh-age">{t('fresh.age', { age: f.duration(age) })}</span>}
    </span>
  )
}
