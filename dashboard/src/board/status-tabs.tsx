// The ten statuses and the cancelled, in the order of an order's life, with how many orders are in each.

import { useEffect, useRef } from 'react'
import { Link } from 'wouter'
import type { Order } from '../api/reads'
import { STATUSES, type Status } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { statusMark } from '../ui/status'
import { useCounts } from './use-board'

export function StatusTabs({ current, sorting }: { current: Status; sorting: Order }) {
  const { t, f } = useI18n()
  const counts = useCounts()
  const here = useRef<HTMLAnchorElement>(null)
  // On a narrow screen the tabs are a strip, and the current one may be beyond its edge.
  useEffect(() => {
    here.current?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [])
  return (
    <nav className="tabs" aria-label={t('board.statuses')}>
      {STATUSES.map((status) => (
        <Link
          key={status}
          ref={status === current ? here : undefined}
          href={`/board/${status}/${sorting}`}
          className="tab"
          data-status={status}
          aria-current={status === current ? 'page' : undefined}
        >
          <span className="tab-name">{t(`status.${status}`)}</span>
          <span className="tab-count">
            <span className="status-mark" aria-hidden="true">
              {statusMark(status)}
            </span>
            {counts ? f.number(counts[status] ?? 0) : '–'}
          </span>
        </Link>
      ))}
    </nav>
  )
}
