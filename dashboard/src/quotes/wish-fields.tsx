// Material, finish, quantity and the rest. What is proposed is what the price list in force has.

import { UNITS, type Unit } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { finishesFor } from '../pricelist/names'
import { useCalls, usePriceList } from '../pricelist/use-price-list'
import type { Field, Wish } from './wish'

/** As long as the price list is not known. */
const MATERIALS = ['silver-925', 'gold-585', 'gold-750', 'platinum-950', 'brass', 'bronze', 'resin', 'nylon']
const FINISHES = ['raw', 'polished', 'matte']

interface Props {
  wish: Wish
  faults: Field[]
  onChange(part: Partial<Wish>): void
}

export function WishFields({ wish, faults, onChange }: Props) {
  const { t } = useI18n()
  const list = usePriceList()
  const calls = useCalls()
  const materials = list?.materials.map(({ id }) => id) ?? MATERIALS
  const finishes = list ? finishesFor(list, wish.material).map(({ id }) => id) : FINISHES
  return (
    <div className="fields">
      <div className="field">
        <label htmlFor="unit">{t('order.unit')}</label>
        <select
          id="unit"
          value={wish.unit}
          onChange={(event) => onChange({ unit: event.target.value as Unit })}
        >
          {UNITS.map((unit) => (
            <option key={unit} value={unit}>
              {t(`unit.${unit}`)}
            </option>
          ))}
        </select>
      </div>
      <Name field="material" ids={materials} call={calls.material} {...{ wish, faults, onChange }} />
      <Name field="finish" ids={finishes} call={calls.finish} {...{ wish, faults, onChange }} />
      <div className="field">
        <label htmlFor="quantity">{t('order.quantity')}</label>
        <input
          id="quantity"
          inputMode="numeric"
          value={wish.quantity}
          maxLength={5}
          aria-invalid={faults.includes('quantity')}
          onChange={(event) => onChange({ quantity: event.target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor="reference">{t('quotes.reference')}</label>
        <input
          id="reference"
          value={wish.reference}
          maxLength={64}
          autoComplete="off"
          onChange={(event) => onChange({ reference: event.target.value })}
        />
      </div>
      <label className="tick">
        <input
          type="checkbox"
          checked={wish.rush}
          onChange={(event) => onChange({ rush: event.target.checked })}
        />
        {t('quotes.rush')}
      </label>
    </div>
  )
}

function Name({
  field,
  ids,
  call,
  wish,
  faults,
  onChange,
}: Props & { field: 'material' | 'finish'; ids: string[]; call(id: string): string }) {
  const { t } = useI18n()
  return (
    <div className="field">
      <label htmlFor={field}>{t(`order.${field}`)}</label>
      <input
        id={field}
        list={`${field}-names`}
        value={wish[field]}
        maxLength={40}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={faults.includes(field)}
        onChange={(event) => onChange({ [field]: event.target.value })}
      />
      <datalist id={`${field}-names`}>
        {ids.map((id) => (
          <option key={id} value={id}>
            {call(id)}
          </option>
        ))}
      </datalist>
    </div>
  )
}
