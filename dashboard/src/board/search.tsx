// Find an order by its id or by the number that the shop or the partner gave it.

import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Redirect, useLocation } from 'wouter'
import { useI18n } from '../i18n/i18n'
import { layOverRows } from '../order/overlay'
import { useBackend, useOverlay } from '../session/use-backend'
import { ReadProblem } from '../ui/read-problem'
import { useTitle } from '../ui/use-title'
import { Rows } from './rows'

export function SearchBox() {
  const { t } = useI18n()
  const [, go] = useLocation()
  const [text, setText] = useState('')

  function submit(event: FormEvent) {
    event.preventDefault()
    const reference = text.trim()
    if (reference !== '') go(`/find/${encodeURIComponent(reference)}`)
  }

  return (
    <search>
      <form className="search" onSubmit={submit}>
        <input
          type="search"
          aria-label={t('search.label')}
          placeholder={t('search.placeholder')}
          value={text}
          onChange={(event) => setText(event.target.value)}
          enterKeyHint="search"
        />
      </form>
    </search>
  )
}

export function FoundPage({ reference }: { reference: string }) {
  const { t } = useI18n()
  const { reads } = useBackend()
  const overlay = useOverlay()
  useTitle(t('search.title', { reference }))
  const found = useQuery({
    queryKey: ['list', 'found', reference],
    queryFn: ({ signal }) => reads.find(reference, signal),
  })
  const rows = found.data && layOverRows(found.data.orders, overlay)
  const [only] = rows ?? []
  if (only && rows?.length === 1) return <Redirect to={`/orders/${only.order_id}`} replace />
  return (
    <section className="board">
      <header className="board-head">
        <h1>{t('search.title', { reference })}</h1>
      </header>
      <ReadProblem of={found} />
      {found.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {rows?.length === 0 && <p className="faint pad">{t('search.none')}</p>}
      {rows && rows.length > 0 && <Rows rows={rows.map((row) => ({ row, gone: false }))} />}
      {found.data?.has_more && <p className="faint pad">{t('search.more')}</p>}
    </section>
  )
}
