// The durable answer to "where is my order?": every step, who, when and how long until the next.

import { useInfiniteQuery } from '@tanstack/react-query'
import type { TimelineEntry } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { ActorName } from '../ui/actor'
import { useNow } from '../ui/clock'
import { TraceId } from '../ui/copyable'
import { More } from '../ui/more'
import { ReadProblem } from '../ui/read-problem'
import { Moment, Since } from '../ui/time'
import { useEventText } from './event-text'
import { type Step, steps, totalSeconds } from './steps'

export function Timeline({ orderId, version }: { orderId: string; version: number }) {
  const { t } = useI18n()
  const { reads } = useBackend()
  const timeline = useInfiniteQuery({
    queryKey: ['timeline', orderId],
    queryFn: ({ pageParam, signal }) => reads.timeline(orderId, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (page) => (page.has_more ? (page.entries.at(-1)?.version ?? null) : null),
  })
  const entries = timeline.data?.pages.flatMap((page) => page.entries) ?? []
  const latest = Math.max(0, ...entries.map((entry) => entry.version))
  return (
    <section className="panel" aria-labelledby="timeline">
      <h2 id="timeline">{t('timeline.title')}</h2>
      <ReadProblem of={timeline} />
      {timeline.isPending && <p className="faint">{t('board.loading')}</p>}
      <ol className="timeline">
        {steps(entries).map((step) => (
          <TimelineStep key={step.entry.version} step={step} />
        ))}
      </ol>
      {timeline.data && !timeline.hasNextPage && latest < version && (
        <p className="faint">{t('timeline.pending')}</p>
      )}
      <More list={timeline} />
      {!timeline.hasNextPage && <Total entries={entries} />}
    </section>
  )
}

function TimelineStep({ step: { entry, moves, took } }: { step: Step }) {
  const { t, f } = useI18n()
  const text = useEventText(entry)
  const over = entry.status === 'CLOSED' || entry.status === 'CANCELLED'
  return (
    <li className="step" data-status={entry.status} data-moves={moves || undefined}>
      <span className="step-text">{text}</span>
      <span className="step-who">
        <ActorName actor={entry.actor} />, <Moment at={entry.occurred_at} seconds />
      </span>
      {entry.trace_id && <TraceId id={entry.trace_id} />}
      {took !== null && <span className="step-took">{t('timeline.took', { time: f.precise(took) })}</span>}
      {took === null && !over && <SoFar at={entry.occurred_at} />}
    </li>
  )
}

function SoFar({ at }: { at: string }) {
  const { t } = useI18n()
  const [before, after] = t('timeline.so-far').split('{time}')
  return (
    <span className="step-took">
      {before}
      <Since at={at} />
      {after}
    </span>
  )
}

function Total({ entries }: { entries: TimelineEntry[] }) {
  const { t, f } = useI18n()
  const seconds = totalSeconds(entries, useNow())
  if (seconds === null) return null
  return <p className="faint">{t('timeline.total', { time: f.duration(seconds) })}</p>
}
