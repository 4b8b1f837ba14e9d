// Stones that are set into each piece, kind by kind.

import { useI18n } from '../i18n/i18n'
import { useCalls, usePriceList } from '../pricelist/use-price-list'
import { MOST_KINDS_OF_STONES, type Wish } from './wish'

/** As long as the price list is not known. */
const KINDS = ['prong', 'bezel', 'pave']

type Stones = Wish['stones']

interface Props {
  stones: Stones
  fault: boolean
  onChange(stones: Stones): void
}

export function StonesField({ stones, fault, onChange }: Props) {
  const { t } = useI18n()
  const list = usePriceList()
  const calls = useCalls()
  const kinds = list?.settings.map(({ id }) => id) ?? KINDS
  const set = (index: number, part: Partial<Stones[number]>) =>
    onChange(stones.map((stone, each) => (each === index ? { ...stone, ...part } : stone)))
  return (
    <fieldset className="stones">
      <legend>{t('order.stones')}</legend>
      {stones.map((stone, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name, and all their state is here
        <div key={index} className="joined">
          <input
            aria-label={t('quotes.stone-kind', { number: index + 1 })}
            list="stone-kinds"
            value={stone.kind}
            maxLength={40}
            autoComplete="off"
            aria-invalid={fault}
            onChange={(event) => set(index, { kind: event.target.value })}
          />
          <input
            aria-label={t('quotes.stone-count', { number: index + 1 })}
            inputMode="numeric"
            value={stone.count}
            maxLength={5}
            aria-invalid={fault}
            onChange={(event) => set(index, { count: event.target.value })}
          />
          <button
            type="button"
            className="quiet"
            aria-label={t('quotes.stone-remove-which', { number: index + 1 })}
            onClick={() => onChange(stones.filter((_, each) => each !== index))}
          >
            {t('quotes.stone-remove')}
          </button>
        </div>
      ))}
      <datalist id="stone-kinds">
        {kinds.map((kind) => (
          <option key={kind} value={kind}>
            {calls.setting(kind)}
          </option>
        ))}
      </datalist>
      {stones.length < MOST_KINDS_OF_STONES && (
        <button type="button" onClick={() => onChange([...stones, { kind: '', count: '1' }])}>
          {t('quotes.stone-add')}
        </button>
      )}
    </fieldset>
  )
}
