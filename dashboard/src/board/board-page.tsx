// The board: one status at a time, live.

import { Link } from 'wouter'
import type { Order } from '../api/reads'
import type { Status } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { More } from '../ui/more'
import { ReadProblem } from '../ui/read-problem'
import { useTitle } from '../ui/use-title'
import { Rows } from './rows'
import { StatusTabs } from './status-tabs'
import { useBoard } from './use-board'
import { useSteady } from './use-steady'

export function BoardPage({ status, sorting }: { status: Status; sorting: Order }) {
  return (
    <>
      <StatusTabs current={status} sorting={sorting} />
      <List key={`${status} ${sorting}`} status={status} sorting={sorting} />
    </>
  )
}

function List({ status, sorting }: { status: Status; sorting: Order }) {
  const { t } = useI18n()
  const board = useBoard(status, sorting)
  useTitle(t(`status.${status}`))
  const steady = useSteady(board.rows ?? [])
  return (
    <section className="board" aria-label={t(`status.${status}`)}>
      <header className="board-head">
        <h1>{t(`status.${status}`)}</h1>
        <span className="faint">{board.rows && t('board.shown', { count: steady.shown.length })}</span>
        {steady.held > 0 && (
          <button type="button" className="held" title={t('board.held-hint')} onClick={steady.release}>
            {t('board.held', { count: steady.held })}
          </button>
        )}
        <Sorting status={status} sorting={sorting} />
      </header>
      <ReadProblem of={board} />
      {board.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {board.rows && steady.shown.length === 0 && <p className="faint pad">{t('board.empty')}</p>}
      {steady.shown.length > 0 && (
        <div {...steady.pointer}>
          <Rows rows={steady.shown} list={status} />
        </div>
      )}
      <More list={board} />
    </section>
  )
}

function Sorting({ status, sorting }: { status: Status; sorting: Order }) {
  const { t } = useI18n()
  return (
    <nav className="sorting" aria-label={t('board.sorting')}>
      {(['newest', 'oldest'] as const).map((each) => (
        <Link
          key={each}
          href={`/board/${status}/${each}`}
          className="choice"
          aria-current={each === sorting ? 'true' : undefined}
        >
          {t(`board.${each}`)}
        </Link>
      ))}
    </nav>
  )
}
