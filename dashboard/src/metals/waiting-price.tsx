// A price that jumped: it holds once a person says that it is right.

import type { MetalFixing } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { Notice } from '../ui/notice'
import { Moment } from '../ui/time'
import { Decide } from './decide'
import { Change, PricePerGram } from './price-per-gram'

export function WaitingPrice({ fixing, holds }: { fixing: MetalFixing; holds: MetalFixing | null }) {
  const { t } = useI18n()
  return (
    <Notice kind="warning">
      <strong>{t('metals.waits')}</strong>
      <p>
        <PricePerGram fixing={fixing} /> {holds && <Change fixing={fixing} />}
      </p>
      <p>
        {fixing.source}, <Moment at={fixing.observed_at} />
      </p>
      {fixing.reason && <p>{named(t, `metals.reason.${fixing.reason}`, fixing.reason)}</p>}
      <Decide key={fixing.fixing_id} fixingId={fixing.fixing_id} />
    </Notice>
  )
}
