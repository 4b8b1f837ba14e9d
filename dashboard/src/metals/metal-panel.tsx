// One metal: the price that holds with its age and source, one that waits, and the history.

import type { MetalFixing } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { ActorName } from '../ui/actor'
import { Fact } from '../ui/fact'
import { Notice } from '../ui/notice'
import { Moment, Since } from '../ui/time'
import type { MetalPrices } from './by-metal'
import { Change, PricePerGram } from './price-per-gram'
import { WaitingPrice } from './waiting-price'

export function MetalPanel({ prices }: { prices: MetalPrices }) {
  const { t } = useI18n()
  const { metal, holds, freshness, waits, before, hasMore } = prices
  return (
    <section className="panel metal" aria-labelledby={metal}>
      <h2 id={metal}>{t(`metals.${metal}`)}</h2>
      {waits && <WaitingPrice fixing={waits} holds={holds} />}
      {freshness === 'stale' && <Notice kind="warning">{t('metals.stale')}</Notice>}
      {freshness === 'too_old' && <Notice kind="error">{t('metals.too-old')}</Notice>}
      {holds ? <Holds fixing={holds} /> : <p className="faint">{t('metals.nothing-holds')}</p>}
      {before.length > 0 && <History fixings={before} hasMore={hasMore} />}
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
        <DecidedBy fixing={fixing} />
      </Fact>
      {fixing.set_id && <Fact name="metals.set">{String(fixing.set_id)}</Fact>}
    </dl>
  )
}

/** Who let it hold, and why if a person said so. */
function DecidedBy({ fixing }: { fixing: MetalFixing }) {
  return (
    <>
      <ActorName actor={fixing.decided_by ?? fixing.published_by} />
      {fixing.decided_because && <span className="faint"> — {fixing.decided_because}</span>}
    </>
  )
}

function History({ fixings, hasMore }: { fixings: MetalFixing[]; hasMore: boolean }) {
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
                <DecidedBy fixing={fixing} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {hasMore && <p className="faint">{t('metals.more')}</p>}
    </details>
  )
}
