// One metal: the price that holds with its age and source, one that waits, and the history.

import type { MetalFixing } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { ActorName } from '../ui/actor'
import { Fact } from '../ui/fact'
import { Moment, Since } from '../ui/time'
import type { MetalPrices } from './by-metal'
import { Change, PricePerGram } from './price-per-gram'
import { WaitingPrice } from './waiting-price'

export function MetalPanel({ prices: { metal, holds, waits, before } }: { prices: MetalPrices }) {
  const { t } = useI18n()
  return (
    <section className="panel metal" aria-labelledby={metal}>
      <h2 id={metal}>{t(`metals.${metal}`)}</h2>
      {waits && <WaitingPrice fixing={waits} holds={holds} />}
      {holds ? <Holds fixing={holds} /> : <p className="faint">{t('metals.nothing-holds')}</p>}
      {before.length > 0 && <History fixings={before} />}
    </section>
  )
}

function Holds({ fixing }: { fixing: MetalFixing }) {
  return (
    <dl className="facts">
      <Fact name="metals.holds">
        <strong className="sum">
          <PricePerGram fixing={fixing} />
        </strong>
      </Fact>
      <Fact name="metals.age">
        <Since at={fixing.observed_at} />
      </Fact>
      <Fact name="metals.observed">
        <Moment at={fixing.observed_at} />
      </Fact>
      <Fact name="metals.source">{fixing.source}</Fact>
      <Fact name="metals.by">
        <ActorName actor={fixing.decided_by ?? fixing.published_by} />
      </Fact>
      {fixing.set_id && <Fact name="metals.set">{String(fixing.set_id)}</Fact>}
    </dl>
  )
}

function History({ fixings }: { fixings: MetalFixing[] }) {
  const { t } = useI18n()
  return (
    <details>
      <summary>{t('metals.history')}</summary>
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">{t('metals.observed')}</th>
            <th scope="col">{t('metals.price')}</th>
            <th scope="col">{t('metals.change')}</th>
            <th scope="col">{t('metals.source')}</th>
            <th scope="col">{t('metals.by')}</th>
          </tr>
        </thead>
        <tbody>
          {fixings.map((fixing) => (
            <tr key={fixing.fixing_id} className="row">
              <td>
                <Moment at={fixing.observed_at} />
              </td>
              <td data-label={t('metals.price')} className="number">
                <PricePerGram fixing={fixing} />
              </td>
              <td data-label={t('metals.change')} className="number">
                <Change fixing={fixing} />
              </td>
              <td data-label={t('metals.source')}>{fixing.source}</td>
              <td data-label={t('metals.by')}>
                <ActorName actor={fixing.decided_by ?? fixing.published_by} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}
