// A place in the queue of prices, counted down on the clock of the one who looks.

import type { PricingPlace } from '../api/pricing-types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { useNow } from '../ui/clock'

export function PlaceFacts({ place }: { place: PricingPlace }) {
  const { t, f } = useI18n()
  return (
    <div className="place">
      {typeof place.place === 'number' && (
        <p>
          {t(place.place_is_at_least ? 'pricing.place-at-least' : 'pricing.place', {
            place: f.number(place.place),
          })}
        </p>
      )}
      {place.state === 'running' && <Progress place={place} />}
      {place.expected_at && <Expected at={place.expected_at} />}
    </div>
  )
}

function Progress({ place: { phase, percent } }: { place: PricingPlace }) {
  const { t, f } = useI18n()
  const doing = phase ? named(t, `pricing.phase.${phase}`, phase) : null
  return (
    <>
      {typeof percent === 'number' && (
        <progress max={100} value={percent} aria-label={t('pricing.progress')}>
          {f.percent(percent / 100)}
        </progress>
      )}
      {doing && <p>{doing}</p>}
    </>
  )
}

function Expected({ at }: { at: string }) {
  const { t, f } = useI18n()
  const left = (Date.parse(at) - useNow()) / 1000
  const time = f.time(at)
  return (
    <p className="number">
      <time dateTime={at}>
        {left > 0
          ? t('pricing.expected', { time, left: f.duration(left) })
          : t('pricing.expected-passed', { time })}
      </time>
    </p>
  )
}
