// The words of both APIs, as the rest of the dashboard uses them: short names for the types that are generated from
// docs/api, and the few lists that a type cannot be asked for at run time.

import type { components as read } from './generated/read-api'
import type { components as write } from './generated/write-api'
import type { PricingPlace } from './pricing-types'

type Read = read['schemas']
type Write = write['schemas']

export type Actor = Read['Actor']
export type BoardPage = Read['BoardPage']
export type BoardRow = Read['BoardRow']
export type Card = Read['Card']
export type Closing = Read['Closing']
export type CommandAnswer = Write['CommandAnswer']
export type CommandKind = Read['CommandKind']
export type FixingAnswer = Write['FixingAnswer']
export type Found = Read['Found']
export type Incident = Read['Incident']
export type IncidentAnswer = Write['IncidentAnswer']
export type IncidentPage = Read['IncidentPage']
export type IncidentStatus = Read['IncidentStatus']
export type Metal = Write['Metal']
export type MetalFixing = Write['MetalFixing']
export type Money = Read['Money']
export type OrderView = Read['OrderView']
export type Price = Read['Price']
export type PriceLine = Read['PriceLine']
export type Pricing = Read['Pricing']
export type Problem = Read['Problem']
export type PublicConfig = Read['PublicConfig']
/** With its place in the queue while the exact price is being made. */
export type Quote = Read['QuoteAnswer'] & { pricing?: PricingPlace | null }
export type QuoteBody = Write['QuoteBody']
export type Quotes = Read['QuotePage']
export type RecordFixingBody = Write['RecordFixingBody']
export type RoughPrice = Read['RoughPrice']
export type Status = Read['Status']
export type StoneSetting = Read['StoneSetting']
export type Timeline = Read['Timeline']
export type TimelineEntry = Read['TimelineEntry']
export type Unit = Read['Unit']
export type UploadedModel = Write['UploadedModel']
export type Watcher = Read['Watcher']
export type WorkPage = Read['WorkPage']
export type WorkSpec = Read['WorkSpec']

/** Every status is there; the document only knows that the keys are texts. */
export type Counts = Omit<Read['Counts'], 'counts'> & { counts: Partial<Record<Status, number>> }

/** What people ask of an order; the rest is the business of systems. */
export type OrderCommand = Exclude<CommandKind, 'initiate' | 'upload-file' | 'submit' | 'price'>

/** In the order of an order's life. */
export const STATUSES = [
  'INITIATED',
  'FILE_UPLOADED',
  'SUBMITTED',
  'PRICE_CALCULATED',
  'MANUFACTURING_APPROVED',
  'MANUFACTURING_STARTED',
  'MANUFACTURING_COMPLETED',
  'PACKAGING',
  'SHIPPED',
  'CLOSED',
  'CANCELLED',
] as const satisfies readonly Status[]

export const UNITS = ['millimetre', 'centimetre', 'metre', 'inch', 'file'] as const satisfies readonly Unit[]

/** The line of the board that belongs to a card: the same order, less of it. */
export function rowOf(order: OrderView): BoardRow {
  return {
    order_id: order.order_id,
    external_id: order.external_id,
    channel: order.channel,
    status: order.status,
    version: order.version,
    status_since: order.status_since,
    promised_at: order.promised_at,
    spec: order.spec,
    pricing: order.pricing,
    total: order.price?.total,
    holder: order.holder,
    reworks: order.reworks,
  }
}
