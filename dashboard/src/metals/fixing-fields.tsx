// Which metal, what a gram of it costs, who says so, and since when.

import { useId } from 'react'
import type { Metal } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { type FixingField, type FixingWish, METALS, minorOf } from './fixing-wish'

interface Props {
  wish: FixingWish
  faults: FixingField[]
  onChange(part: Partial<FixingWish>): void
}

export function FixingFields({ wish, faults, onChange }: Props) {
  const { t } = useI18n()
  const id = useId()
  const text = (field: FixingField, maxLength: number) => ({
    id: `${id}-${field}`,
    value: wish[field],
    maxLength,
    autoComplete: 'off',
    'aria-invalid': faults.includes(field),
    onChange: ({ target }: { target: HTMLInputElement }) => onChange({ [field]: target.value }),
  })
  return (
    <div className="fields">
      <div className="field">
        <label htmlFor={`${id}-metal`}>{t('metals.metal')}</label>
        <select
          id={`${id}-metal`}
          value={wish.metal}
          onChange={(event) => onChange({ metal: event.target.value as Metal })}
        >
          {METALS.map((metal) => (
            <option key={metal} value={metal}>
              {t(`metals.${metal}`)}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-price`}>{t('metals.price-per-gram')}</label>
        <input {...text('price', 24)} inputMode="decimal" aria-describedby={`${id}-read`} />
        <p id={`${id}-read`} className="faint">
          <ReadAs wish={wish} />
        </p>
      </div>
      <div className="field">
        <label htmlFor={`${id}-currency`}>{t('metals.currency')}</label>
        <input {...text('currency', 3)} spellCheck={false} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-source`}>{t('metals.source')}</label>
        <input {...text('source', 64)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-observed`}>{t('metals.observed-since')}</label>
        <input {...text('observed', 32)} type="datetime-local" aria-describedby={`${id}-now`} />
        <p id={`${id}-now`} className="faint">
          {t('metals.observed-hint')}
        </p>
      </div>
    </div>
  )
}

/** A comma is a point to some and a thousand to others: here one sees which. */
function ReadAs({ wish: { price, currency } }: { wish: FixingWish }) {
  const { t, f } = useI18n()
  const minor = minorOf(price, currency.trim())
  if (minor === null) return <>{t('metals.price-hint')}</>
  return <>{t('metals.per-gram', { sum: f.money({ minor: Number(minor), currency: currency.trim() }) })}</>
}
