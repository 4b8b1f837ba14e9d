// The questions, one function each.

import type { Http } from './http'
import type { Message, MessageGroups, MessagePage } from './message-types'
import type { AnalysisAnswer, MetalFixings, OrderPricing, PriceList } from './pricing-types'
import type {
  BoardPage,
  Card,
  Counts,
  Found,
  IncidentPage,
  IncidentStatus,
  Quote,
  Quotes,
  Status,
  Timeline,
  Unit,
  WorkPage,
} from './types'

export type Order = 'newest' | 'oldest'

const PAGE = 50

export function reads(http: Http) {
  const query = (values: Record<string, string | number | null>) =>
    Object.entries(values)
      .flatMap(([name, value]) => (value === null ? [] : [`${name}=${encodeURIComponent(value)}`]))
      .join('&')

  return {
    board: (status: Status, order: Order, cursor: string | null, signal?: AbortSignal) =>
      http.read<BoardPage>(`v1/board?${query({ status, order, limit: PAGE, cursor })}`, signal),
    counts: (signal?: AbortSignal) => http.read<Counts>('v1/board/counts', signal),
    card: (id: string, signal?: AbortSignal) =>
      http.read<Card>(`v1/orders/${encodeURIComponent(id)}`, signal),
    pricing: (id: string, signal?: AbortSignal) =>
      http.read<OrderPricing>(`v1/orders/${encodeURIComponent(id)}/pricing`, signal),
    timeline: (id: string, after: number, signal?: AbortSignal) =>
      http.read<Timeline>(`v1/orders/${encodeURIComponent(id)}/timeline?after_version=${after}`, signal),
    find: (reference: string, signal?: AbortSignal) =>
      http.read<Found>(`v1/orders?${query({ reference })}`, signal),
    analysis: (modelId: string, unit: Unit, signal?: AbortSignal) =>
      http.read<AnalysisAnswer>(
        `v1/models/${encodeURIComponent(modelId)}/analysis?${query({ unit })}`,
        signal,
      ),
    metals: (signal?: AbortSignal) => http.read<MetalFixings>('v1/metal-fixings', signal),
    priceList: (signal?: AbortSignal) => http.read<PriceList>('v1/price-list', signal),
    messageGroups: (signal?: AbortSignal) => http.read<MessageGroups>('v1/message-groups', signal),
    messages: (fingerprint: string, cursor: string | null, signal?: AbortSignal) =>
      http.read<MessagePage>(`v1/messages?${query({ fingerprint, limit: PAGE, cursor })}`, signal),
    message: (no: string, signal?: AbortSignal) =>
      http.read<Message>(`v1/messages/${encodeURIComponent(no)}`, signal),
    incidents: (status: IncidentStatus | null, cursor: string | null, signal?: AbortSignal) =>
      http.read<IncidentPage>(`v1/incidents?${query({ status, limit: PAGE, cursor })}`, signal),
    quote: (id: string, signal?: AbortSignal) =>
      http.read<Quote>(`v1/quotes/${encodeURIComponent(id)}`, signal),
    quotes: (reference: string, signal?: AbortSignal) =>
      http.read<Quotes>(`v1/quotes?${query({ reference, limit: PAGE })}`, signal),
    myWork: (cursor: string | null, signal?: AbortSignal) =>
      http.read<WorkPage>(`v1/my-work?${query({ limit: PAGE, cursor })}`, signal),
  }
}

export type Reads = ReturnType<typeof reads>
