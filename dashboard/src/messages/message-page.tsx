// One message: what it said, why it could not be applied, and what was done about it.

import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Message } from '../api/message-types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { useBackend } from '../session/use-backend'
import { ActorName } from '../ui/actor'
import { Fact } from '../ui/fact'
import { ReadProblem } from '../ui/read-problem'
import { Moment } from '../ui/time'
import { useTitle } from '../ui/use-title'
import { readable } from './body'
import { Deeds } from './deeds'
import { Edit } from './edit'
import { ASK_EVERY_MS } from './messages-page'
import { useSettle } from './use-settle'

export function MessagePage({ messageNo }: { messageNo: string }) {
  const { t } = useI18n()
  const { reads } = useBackend()
  useTitle(t('messages.message'))
  const found = useQuery({
    queryKey: ['messages', 'one', messageNo],
    queryFn: ({ signal }) => reads.message(messageNo, signal),
    refetchInterval: ASK_EVERY_MS,
  })
  return (
    <section className="quotes">
      <Link href={found.data ? `/messages/group/${found.data.fingerprint}` : '/messages'} className="back">
        ← {t('messages.title')}
      </Link>
      <h1>{found.data?.message_id ?? `№ ${messageNo}`}</h1>
      <ReadProblem of={found} />
      {found.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {found.data && <Shown message={found.data} />}
    </section>
  )
}

function Shown({ message }: { message: Message }) {
  const { t } = useI18n()
  const { session } = useBackend()
  const settle = useSettle({ messageNo: message.message_no })
  const isOpen = message.state === 'parked' || message.state === 'waiting'
  return (
    <>
      <section className="panel">
        <dl className="facts">
          <Fact name="column.state">{named(t, `messages.state.${message.state}`, message.state)}</Fact>
          <Fact name="messages.cause">
            <strong>{message.reason_code}</strong> {message.reason}
          </Fact>
          <Fact name="messages.kind">{message.kind ?? t('messages.unreadable')}</Fact>
          <Fact name="messages.source">{message.source}</Fact>
          <Fact name="messages.order">{message.order_key}</Fact>
          <Fact name="messages.attempts">{message.attempts}</Fact>
          <Fact name="messages.seen">{message.seen}</Fact>
          <Fact name="messages.first">
            <Moment at={message.received_at} seconds />
          </Fact>
          {message.next_attempt && (
            <Fact name="messages.next">
              <Moment at={message.next_attempt} seconds />
            </Fact>
          )}
        </dl>
        <h2>{t('messages.body')}</h2>
        <pre className="mono">{readable(message)}</pre>
        {session.role === 'admin' && isOpen && <Deeds settle={settle} />}
        {session.role === 'admin' && isOpen && <Edit message={message} />}
      </section>
      {message.deeds.length > 0 && <History message={message} />}
    </>
  )
}

function History({ message }: { message: Message }) {
  const { t } = useI18n()
  return (
    <section className="panel">
      <h2>{t('messages.history')}</h2>
      <ul>
        {message.deeds.map((deed) => (
          <li key={`${deed.at} ${deed.action}`}>
            <Moment at={deed.at} seconds /> {named(t, `messages.deed.${deed.action}`, deed.action)},{' '}
            <ActorName actor={deed.by} />
            {deed.reason && `: ${deed.reason}`}
          </li>
        ))}
      </ul>
    </section>
  )
}
