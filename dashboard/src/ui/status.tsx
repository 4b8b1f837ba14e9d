// A status: number, colour and word, so that nobody depends on any one of them.

import { STATUSES, type Status } from '../api/types'
import { useI18n } from '../i18n/i18n'

export function StatusBadge({ status }: { status: Status }) {
  const { t } = useI18n()
  return (
    <span className="status" data-status={status} title={status}>
      <span className="status-mark" aria-hidden="true">
        {statusMark(status)}
      </span>
      {t(`status.${status}`)}
    </span>
  )
}

export function statusMark(status: Status): string {
  return status === 'CANCELLED' ? '×' : String(STATUSES.indexOf(status) + 1)
}
