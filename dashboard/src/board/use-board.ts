// The lists of the board, as read and as known.

import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Order } from '../api/reads'
import type { BoardRow, Status } from '../api/types'
import { layOverCounts, layOverPages, type View } from '../order/overlay'
import { useBackend, useOverlay, useRefetchInterval } from '../session/use-backend'

export function useBoard(status: Status, sorting: Order) {
  const { reads } = useBackend()
  const overlay = useOverlay()
  const query = useInfiniteQuery({
    queryKey: ['list', 'board', status, sorting],
    queryFn: ({ pageParam, signal }) => reads.board(status, sorting, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: useRefetchInterval(),
  })
  const pages = query.data?.pages
  const rows = useMemo(() => {
    const view: View = { matches: (row) => row.status === status, sorting }
    return pages ? layOverPages(pages, overlay, view) : undefined
  }, [pages, overlay, status, sorting])
  return { ...query, rows: rows as BoardRow[] | undefined }
}

export function useCounts() {
  const { reads } = useBackend()
  const overlay = useOverlay()
  const { data } = useQuery({
    queryKey: ['counts'],
    queryFn: ({ signal }) => reads.counts(signal),
    refetchInterval: useRefetchInterval(),
    placeholderData: keepPreviousData,
  })
  return useMemo(() => layOverCounts(data, overlay), [data, overlay])
}
