// The rough price: between which sums, and how good the guess was once the exact one is there.

import type { Price, RoughPrice } from '../api/types'
import { useI18n } from '../i18n/i18n'

export function Rough({ rough, exact }: { rough: RoughPrice; exact: Price | null }) {
  const { t, f } = useI18n()
  return (
    <section className="panel" aria-labelledby="rough">
      <h2 id="rough">{t('quote.rough')}</h2>
      <p>
        <strong className="sum">{t('quote.about', { sum: f.money(rough.likely) })}</strong>
      </p>
      <p>{t('quote.between', { low: f.money(rough.low), high: f.money(rough.high) })}</p>
      <p className="faint">{t(exact ? 'quote.rough-was' : `quote.basis.${rough.basis}`)}</p>
    </section>
  )
}
