// The report on an order's model, as soon as the model was measured.

import { useQuery } from '@tanstack/react-query'
import type { OrderView } from '../api/types'
import { useBackend, useRefetchInterval } from '../session/use-backend'
import { readReport } from './read-report'
import { ReportPanel } from './report-panel'

export function OrderReport({ order }: { order: OrderView }) {
  const { reads } = useBackend()
  const isPriced = order.price !== null && order.price !== undefined
  const interval = useRefetchInterval()
  const { data } = useQuery({
    // A new version of an order may mean a newly measured model; once priced, it is measured.
    queryKey: ['report', order.order_id, isPriced ? 'priced' : order.version],
    queryFn: ({ signal }) => reads.report(order.order_id, signal),
    refetchInterval: ({ state }) => (state.data?.report ? false : interval),
    enabled: Boolean(order.spec),
  })
  const report = readReport(data?.report)
  return report && <ReportPanel report={report} />
}
