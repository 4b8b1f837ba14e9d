// Messages that could not be applied, by what is wrong with them: repaired once, replayed together.

import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { MessageGroup } from '../api/message-types'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { ReadProblem } from '../ui/read-problem'
import { Moment } from '../ui/time'
import { useTitle } from '../ui/use-title'

/** Messages park without an event of the board. */
export const ASK_EVERY_MS = 10_000

export function MessagesPage() {
  const { t } = useI18n()
  const { session } = useBackend()
  useTitle(t('messages.title'))
  if (session.role !== 'admin' && session.role !== 'seller') {
    return <p className="faint pad">{t('messages.only-office', { role: t(`role.${session.role}`) })}</p>
  }
  return <Groups />
}

function Groups() {
  const { t } = useI18n()
  const { reads } = useBackend()
  const groups = useQuery({
    queryKey: ['messages', 'groups'],
    queryFn: ({ signal }) => reads.messageGroups(signal),
    refetchInterval: ASK_EVERY_MS,
  })
  return (
    <section className="quotes">
      <h1>{t('messages.title')}</h1>
      <ReadProblem of={groups} />
      {groups.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {groups.data?.groups.length === 0 && <p className="faint pad">{t('messages.none')}</p>}
      {groups.data && groups.data.groups.length > 0 && <Table groups={groups.data.groups} />}
      {groups.data?.has_more && <p className="faint pad">{t('messages.more-groups')}</p>}
    </section>
  )
}

function Table({ groups }: { groups: MessageGroup[] }) {
  const { t } = useI18n()
  return (
    <table className="rows">
      <thead>
        <tr>
          <th scope="col">{t('messages.cause')}</th>
          <th scope="col">{t('messages.kind')}</th>
          <th scope="col">{t('messages.count')}</th>
          <th scope="col">{t('messages.first')}</th>
          <th scope="col">{t('messages.last')}</th>
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => (
          <tr key={group.fingerprint} className="row">
            <td>
              <Link href={`/messages/group/${group.fingerprint}`} className="row-link">
                <strong>{group.reason_code}</strong> <span className="faint">{group.example}</span>
              </Link>
            </td>
            <td data-label={t('messages.kind')}>{group.kind ?? t('messages.unreadable')}</td>
            <td data-label={t('messages.count')} className="number">
              {group.messages}
            </td>
            <td data-label={t('messages.first')}>
              <Moment at={group.first_seen_at} />
            </td>
            <td data-label={t('messages.last')}>
              <Moment at={group.last_seen_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
