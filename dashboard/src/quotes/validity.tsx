// Until when an offer holds.

import { useI18n } from '../i18n/i18n'
import { useNow } from '../ui/clock'

export function Validity({ until, over }: { until: string; over: boolean }) {
  const { t, f } = useI18n()
  const left = (Date.parse(until) - useNow()) / 1000
  return (
    <time dateTime={until} title={f.dateTime(until)}>
      {f.dayTime(until)}
      {!over && left > 0 && ` (${t('row.left', { time: f.duration(left) })})`}
      {left <= 0 && ` (${t('quote.passed')})`}
    </time>
  )
}
