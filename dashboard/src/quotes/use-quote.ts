// A quote as it is now: its stream tells of the price, and asking now and then makes up for a stream that broke off.

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Quote } from '../api/types'
import { useBackend } from '../session/use-backend'
import { followQuote } from './follow-quote'
import { newest } from './newest'

const ASK_EVERY_MS = 2000

export function useQuote(quoteId: string) {
  const { http, reads } = useBackend()
  const queries = useQueryClient()
  const quote = useQuery({
    queryKey: ['quote', quoteId],
    queryFn: async ({ signal }) => {
      const read = await reads.quote(quoteId, signal)
      return newest(queries.getQueryData<Quote>(['quote', quoteId]), read)
    },
    refetchInterval: ({ state }) => (isUnderway(state.data) ? ASK_EVERY_MS : false),
  })
  const underway = isUnderway(quote.data)
  useEffect(() => {
    if (!underway) return
    const gone = new AbortController()
    const learn = (news: Quote) =>
      queries.setQueryData<Quote>(['quote', quoteId], (known) => newest(known, news))
    // When it breaks off, asking goes on.
    followQuote(http, quoteId, learn, gone.signal).catch(() => {})
    return () => gone.abort()
  }, [http, queries, quoteId, underway])
  return quote
}

function isUnderway(quote: Quote | undefined): boolean {
  return quote?.state === 'requested'
}
