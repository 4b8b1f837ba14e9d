// The price, explained line by line.

import type { Price, PriceLine } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { useCalls } from '../pricelist/use-price-list'
import { Remarks } from './price-remarks'

export function PricePanel({ price }: { price: Price | null }) {
  const { t } = useI18n()
  return (
    <section className="panel" aria-labelledby="price">
      <h2 id="price">{t('price.title')}</h2>
      {price ? <Breakdown price={price} /> : <p className="faint">{t('price.none')}</p>}
    </section>
  )
}

function Breakdown({ price }: { price: Price }) {
  const { t, f } = useI18n()
  const { currency } = price.total
  const { model } = price
  return (
    <>
      <Remarks price={price} />
      <table className="price">
        <thead>
          <tr>
            <th scope="col">{t('price.line')}</th>
            <th scope="col">{t('price.quantity')}</th>
            <th scope="col">{t('price.amount')}</th>
          </tr>
        </thead>
        <tbody>
          {price.lines.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a breakdown never changes, and codes may repeat
            <Line key={index} line={line} currency={currency} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={2}>
              {t('price.total')}
            </th>
            <td className="number">{f.money(price.total)}</td>
          </tr>
        </tfoot>
      </table>
      <p className="faint">
        {Number(price.metal_grams) > 0 &&
          `${t('price.metal')}: ${f.decimal(price.metal_grams)} ${t('price.unit.g')}. `}
        {t('price.box')}: {model.bbox_mm.map((side) => f.decimal(Math.round(side * 100) / 100)).join(' × ')}{' '}
        {t('price.unit.mm')}, {f.decimal(Math.round(model.volume_mm3) / 1000)} {t('price.unit.cm3')},{' '}
        {f.decimal(Math.round(model.area_mm2) / 100)} {t('price.unit.cm2')},{' '}
        {t('price.facets', { count: model.facets })}, {t('price.shells', { count: model.shells })}.
      </p>
      {price.lead_time_days ? <p>{t('price.lead-time', { count: price.lead_time_days })}</p> : null}
      <p className="faint">
        {t('price.made', {
          time: f.dayTime(price.calculated_at),
          card: String(price.rate_card_version),
          engine: price.engine_version,
        })}
        {price.fixing_id ? `, ${t('price.fixing', { fixing: String(price.fixing_id) })}` : null}
      </p>
    </>
  )
}

function Line({ line, currency }: { line: PriceLine; currency: string }) {
  const { t, f } = useI18n()
  const calls = useCalls()
  const name = `price.code.${line.code.replaceAll('_', '-')}`
  return (
    <tr>
      <th scope="row">
        {named(t, name, line.code)}
        {line.detail ? `: ${calls.setting(line.detail)}` : null}
      </th>
      <td className="number faint">
        <Quantity line={line} currency={currency} />
      </td>
      <td className="number">{f.money({ minor: line.amount_minor, currency })}</td>
    </tr>
  )
}

/** How much of what at which rate; nothing for sums that are not measured. */
function Quantity({ line, currency }: { line: PriceLine; currency: string }) {
  const { t, f } = useI18n()
  const unit = `price.unit.${line.unit.replaceAll('_', '-')}`
  if (line.unit === 'order') return null
  if (line.unit === 'minor_unit' || line.unit === 'minor-unit') return <>{f.percent(Number(line.rate))}</>
  return (
    <>
      {f.decimal(line.quantity)} {named(t, unit, line.unit)} ×{' '}
      {f.money({ minor: Number(line.rate), currency })}
    </>
  )
}
