// The price list in force: asked once in a while, and never in the way. Without it everything goes by its id.

import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { PriceList } from '../api/pricing-types'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { type Calls, callsOf } from './names'

/** Price lists live for weeks. */
const STALE_MS = 5 * 60_000

export function usePriceList(): PriceList | undefined {
  const { reads } = useBackend()
  const list = useQuery({
    queryKey: ['price-list'],
    queryFn: ({ signal }) => reads.priceList(signal),
    staleTime: STALE_MS,
  })
  return list.data
}

export function useCalls(): Calls {
  const { language, t } = useI18n()
  const list = usePriceList()
  return useMemo(() => callsOf(list, language, t), [list, language, t])
}
