// What the system found to be wrong by itself: the newest first, with what was seen, what was tried, and who must act.

import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import type { Incident, IncidentStatus, Watcher } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { useBackend } from '../session/use-backend'
import { More } from '../ui/more'
import { ReadProblem } from '../ui/read-problem'
import { Moment } from '../ui/time'
import { useTitle } from '../ui/use-title'
import { Acknowledge } from './acknowledge'
import { evidence, isSilent, steps } from './facts'

/** Incidents open without an event of the board. */
const ASK_EVERY_MS = 5_000
const STATUSES: (IncidentStatus | null)[] = [null, 'escalated', 'healing', 'acknowledged', 'healed']

export function IncidentsPage() {
  const { t } = useI18n()
  const { session } = useBackend()
  useTitle(t('incidents.title'))
  if (session.role !== 'admin' && session.role !== 'seller') {
    return <p className="faint pad">{t('incidents.only-office', { role: t(`role.${session.role}`) })}</p>
  }
  return <Incidents />
}

function Incidents() {
  const { t } = useI18n()
  const { reads } = useBackend()
  const [status, setStatus] = useState<IncidentStatus | null>(null)
  const list = useInfiniteQuery({
    queryKey: ['incidents', status],
    queryFn: ({ pageParam, signal }) => reads.incidents(status, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: ASK_EVERY_MS,
  })
  const incidents = list.data?.pages.flatMap((page) => page.incidents)
  return (
    <section className="quotes">
      <h1>{t('incidents.title')}</h1>
      {list.data && <Watchers watchers={list.data.pages[0]?.watchers ?? []} />}
      <fieldset className="buttons">
        <legend className="faint">{t('incidents.show')}</legend>
        {STATUSES.map((each) => (
          <button
            key={each ?? 'all'}
            type="button"
            aria-pressed={each === status}
            onClick={() => setStatus(each)}
          >
            {t(each ? `incidents.status.${each}` : 'incidents.all')}
          </button>
        ))}
      </fieldset>
      <ReadProblem of={list} />
      {list.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {incidents?.length === 0 && <p className="faint pad">{t('incidents.none')}</p>}
      {incidents?.map((incident) => (
        <One key={incident.incident_id} incident={incident} />
      ))}
      <More list={list} />
    </section>
  )
}

/** An empty list says nothing when nobody looks. */
function Watchers({ watchers }: { watchers: Watcher[] }) {
  const { t } = useI18n()
  const now = Date.now()
  if (watchers.some((watcher) => isSilent(watcher, now)) || watchers.length === 0) {
    return (
      <p className="fault" role="alert">
        {t('incidents.nobody-looks')}
      </p>
    )
  }
  return null
}

function One({ incident }: { incident: Incident }) {
  const { t } = useI18n()
  const isOpen = !incident.closed_at
  return (
    <details className="panel">
      <summary>
        <strong>{named(t, `incidents.cause.${incident.cause}`, incident.cause)}</strong>{' '}
        <span className={incident.status === 'escalated' ? 'fault' : 'faint'}>
          {t(`incidents.status.${incident.status}`)}
        </span>{' '}
        <span className="faint">
          {incident.subject} · <Moment at={incident.opened_at} seconds />
        </span>
      </summary>
      {incident.order_id && (
        <p>
          <Link href={`/orders/${incident.order_id}`}>{t('incidents.order')}</Link>
        </p>
      )}
      {isOpen && (
        <p>
          {t('incidents.owner', { owner: named(t, `incidents.owner.${incident.owner}`, incident.owner) })}
        </p>
      )}
      <h2>{t('incidents.evidence')}</h2>
      <dl className="facts">
        {evidence(incident).map(([name, value]) => (
          <div className="fact" key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h2>{t('incidents.steps')}</h2>
      <ul>
        {steps(incident).map((step) => (
          <li key={`${step.at} ${step.what}`}>
            <Moment at={step.at} seconds /> {named(t, `incidents.step.${step.what}`, step.what)}:{' '}
            {step.outcome}
          </li>
        ))}
        {incident.closed_at && (
          <li>
            <Moment at={incident.closed_at} seconds /> {t('incidents.status.healed')}
          </li>
        )}
      </ul>
      {isOpen && incident.status !== 'acknowledged' && <Acknowledge incidentId={incident.incident_id} />}
    </details>
  )
}
