// Points in time and stretches of it.

import { useI18n } from '../i18n/i18n'
import { useNow } from './clock'

export function Moment({ at, seconds = false }: { at: string; seconds?: boolean }) {
  const { f } = useI18n()
  return (
    <time dateTime={at} title={f.dateTime(at)}>
      {seconds ? f.daySeconds(at) : f.dayTime(at)}
    </time>
  )
}

/** How long ago, growing while one looks. */
export function Since({ at }: { at: string }) {
  const { f } = useI18n()
  const now = useNow()
  return (
    <time dateTime={at} title={f.dateTime(at)}>
      {f.duration((now - Date.parse(at)) / 1000)}
    </time>
  )
}

/** What is left of the promise. */
export function Promised({ at, over }: { at: string; over: boolean }) {
  const { t, f } = useI18n()
  const now = useNow()
  const left = (Date.parse(at) - now) / 1000
  const urgency = over ? 'none' : left < 0 ? 'overdue' : left < 3 * 86_400 ? 'soon' : 'fine'
  const text =
    left < 0 ? t('row.overdue', { time: f.duration(-left) }) : t('row.left', { time: f.duration(left) })
  return (
    <time dateTime={at} title={f.dateTime(at)} className="promise" data-urgency={urgency}>
      {over ? f.day(at) : text}
    </time>
  )
}
