// How far the pricing of a submitted order is.

import type { Pricing } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { troubleText } from '../pricing/trouble-text'
import { Since } from '../ui/time'

export function PricingState({ pricing }: { pricing: Pricing }) {
  const { t } = useI18n()
  if (pricing.state === 'failed') {
    return (
      <span className="pricing-failed">
        {t('pricing.failed', { reason: troubleText(pricing.code, pricing.reason, t) })}
      </span>
    )
  }
  const text =
    pricing.state === 'running' ? t('pricing.running', { attempt: pricing.attempt }) : t('pricing.queued')
  return (
    <span className="faint">
      {text}, <Since at={pricing.since} />
    </span>
  )
}
