// A price of a gram, and how far it is from the one before.

import type { MetalFixing } from '../api/types'
import { useI18n } from '../i18n/i18n'

export function PricePerGram({ fixing }: { fixing: MetalFixing }) {
  const { t, f } = useI18n()
  const { currency } = fixing
  return (
    <>{t('metals.per-gram', { sum: f.money({ minor: Number(fixing.price_per_gram_minor), currency }) })}</>
  )
}

export function Change({ fixing: { change_percent } }: { fixing: MetalFixing }) {
  const { f } = useI18n()
  if (change_percent === null || change_percent === undefined) return null
  const share = Number(change_percent) / 100
  return (
    <>
      {share > 0 && '+'}
      {f.percent(share)}
    </>
  )
}
