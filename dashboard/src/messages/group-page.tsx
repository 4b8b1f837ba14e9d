// One group of parked messages: its messages, and what can be done with all of them.

import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { More } from '../ui/more'
import { ReadProblem } from '../ui/read-problem'
import { Moment } from '../ui/time'
import { useTitle } from '../ui/use-title'
import { Deeds } from './deeds'
import { ASK_EVERY_MS } from './messages-page'
import { useSettle } from './use-settle'

export function GroupPage({ fingerprint }: { fingerprint: string }) {
  const { t } = useI18n()
  const { reads, session } = useBackend()
  useTitle(t('messages.title'))
  const settle = useSettle({ fingerprint })
  const list = useInfiniteQuery({
    queryKey: ['messages', 'group', fingerprint],
    queryFn: ({ pageParam, signal }) => reads.messages(fingerprint, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: ASK_EVERY_MS,
  })
  const messages = list.data?.pages.flatMap((page) => page.messages)
  return (
    <section className="quotes">
      <Link href="/messages" className="back">
        ← {t('messages.title')}
      </Link>
      <h1>{messages?.[0]?.reason_code ?? t('messages.title')}</h1>
      <ReadProblem of={list} />
      {list.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {messages?.length === 0 && <p className="faint pad">{t('messages.none-here')}</p>}
      {session.role === 'admin' && (messages?.length ?? 0) > 0 && <Deeds settle={settle} many />}
      {messages && messages.length > 0 && (
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">{t('messages.message')}</th>
              <th scope="col">{t('messages.order')}</th>
              <th scope="col">{t('messages.cause')}</th>
              <th scope="col">{t('messages.first')}</th>
            </tr>
          </thead>
          <tbody>
            {messages.map((message) => (
              <tr key={message.message_no} className="row">
                <td>
                  <Link href={`/messages/${message.message_no}`} className="row-link">
                    <strong>{message.message_id ?? `№ ${message.message_no}`}</strong>
                  </Link>
                </td>
                <td data-label={t('messages.order')}>{message.order_key}</td>
                <td data-label={t('messages.cause')}>{message.reason}</td>
                <td data-label={t('messages.first')}>
                  <Moment at={message.received_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More list={list} />
    </section>
  )
}
