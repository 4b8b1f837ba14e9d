// What is in my hands.

import { useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Link } from 'wouter'
import { Rows } from '../board/rows'
import { useI18n } from '../i18n/i18n'
import { inHandOf } from '../order/allowed'
import { layOverPages } from '../order/overlay'
import { useBackend, useOverlay, useRefetchInterval } from '../session/use-backend'
import { More } from '../ui/more'
import { ReadProblem } from '../ui/read-problem'
import { useTitle } from '../ui/use-title'

export function MyWorkPage() {
  const { t } = useI18n()
  const { session } = useBackend()
  useTitle(t('my-work.title'))
  if (session.role !== 'operator') {
    return <p className="faint pad">{t('my-work.only-operators', { role: t(`role.${session.role}`) })}</p>
  }
  return <MyWork operatorId={session.id} />
}

function MyWork({ operatorId }: { operatorId: string }) {
  const { t } = useI18n()
  const { reads } = useBackend()
  const overlay = useOverlay()
  const work = useInfiniteQuery({
    queryKey: ['list', 'my-work'],
    queryFn: ({ pageParam, signal }) => reads.myWork(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: useRefetchInterval(),
  })
  const rows = useMemo(() => {
    const view = {
      matches: (row: Parameters<typeof inHandOf>[0]) => inHandOf(row, operatorId),
      sorting: 'oldest' as const,
    }
    return work.data ? layOverPages(work.data.pages, overlay, view) : undefined
  }, [work.data, overlay, operatorId])
  return (
    <section className="board">
      <header className="board-head">
        <h1>{t('my-work.title')}</h1>
        <span className="faint">{rows && rows.length > 0 && t('my-work.count', { count: rows.length })}</span>
      </header>
      <ReadProblem of={work} />
      {work.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {rows?.length === 0 && (
        <div className="pad">
          <p className="faint">{t('my-work.empty')}</p>
          <Link href="/board/MANUFACTURING_APPROVED/oldest" className="button">
            {t('my-work.to-board')}
          </Link>
        </div>
      )}
      {rows && rows.length > 0 && <Rows rows={rows.map((row) => ({ row, gone: false }))} />}
      <More list={work} />
    </section>
  )
}
