// What a person should know before promising a price.

import type { Price } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { Notice } from '../ui/notice'

export function Remarks({ price }: { price: Price }) {
  const { t, f } = useI18n()
  const { currency } = price.total
  const { range, warnings = [] } = price
  if (!range && warnings.length === 0) return null
  return (
    <Notice kind="warning">
      {range && (
        <p>
          {t('price.range', {
            low: f.money({ minor: range.low_total_minor, currency }),
            high: f.money({ minor: range.high_total_minor, currency }),
          })}
        </p>
      )}
      {warnings.map(({ code, message }) => (
        <p key={code}>{named(t, `price.warning.${code.replaceAll('_', '-')}`, message)}</p>
      ))}
    </Notice>
  )
}
