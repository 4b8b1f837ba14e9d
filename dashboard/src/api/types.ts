// The words of both APIs, as the rest of the dashboard uses them.

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
] as const

export type Status = (typeof STATUSES)[number]

export type CommandKind =
  | 'initiate'
  | 'upload-file'
  | 'submit'
  | 'price'
  | 'reprice'
  | 'approve'
  | 'take'
  | 'give-back'
  | 'complete'
  | 'rework'
  | 'pack'
  | 'ship'
  | 'close'
  | 'cancel'

/** What people ask of an order; the rest is the business of systems. */
export type OrderCommand = Exclude<CommandKind, 'initiate' | 'upload-file' | 'submit' | 'price'>

export interface Money {
  minor: number
  currency: string
}

export type Actor =
  | { role: 'shop' }
  | { role: 'crm' }
  | { role: 'carrier' }
  | { role: 'partner'; partner_id: string }
  | { role: 'seller'; seller_id: string; name: string }
  | { role: 'operator'; operator_id: string; name: string }
  | { role: 'admin'; admin_id: string; name: string }
  | { role: 'system'; component: string }

export interface WorkSpec {
  model_id: string
  unit: 'millimetre' | 'centimetre' | 'metre' | 'inch'
  material: string
  finish: string
  quantity: number
}

export type Pricing = { generation: number } & (
  | { state: 'queued'; attempts: number; since: string }
  | { state: 'running'; attempt: number; since: string }
  | { state: 'failed'; attempts: number; code: string; reason: string; since: string }
)

export interface PriceLine {
  code: string
  quantity: string
  unit: string
  rate: string
  amount_minor: number
}

export interface Price {
  total: Money
  lines: PriceLine[]
  metal_grams: string
  model: { volume_mm3: number; area_mm2: number; bbox_mm: number[]; facets: number; shells: number }
  rate_card_version: number
  engine_version: string
  calculated_at: string
}

export interface Holder {
  operator: { operator_id: string; name: string }
  taken_at: string
}

export type Closing = { how: 'delivered' } | { how: 'confirmed' } | { how: 'by_hand'; reason: string }

export interface BoardRow {
  order_id: string
  external_id: string
  channel: string
  status: Status
  version: number
  status_since: string
  promised_at?: string | null
  spec?: WorkSpec | null
  pricing?: Pricing | null
  total?: Money | null
  holder?: Holder | null
  reworks: number
}

export interface OrderView {
  order_id: string
  external_id: string
  channel: string
  partner_id?: string | null
  status: Status
  version: number
  status_since: string
  created_at: string
  submitted_at?: string | null
  promised_at?: string | null
  model_id?: string | null
  spec?: WorkSpec | null
  pricing?: Pricing | null
  price?: Price | null
  approved_by?: Actor | null
  holder?: Holder | null
  tracking_number?: string | null
  closing?: Closing | null
  cancellation?: { by: Actor; reason: string; from: Status } | null
  give_backs: number
  reworks: number
  allowed: CommandKind[]
}

export interface TimelineEntry {
  version: number
  kind: string
  status: Status
  actor: Actor
  data: Record<string, unknown>
  trace_id?: string | null
  occurred_at: string
}

/** What every answer of the read API says about itself. */
export interface Placed {
  position: string
  as_of: string
}

export interface WorkPage extends Placed {
  orders: BoardRow[]
  next_cursor?: string | null
}

export interface BoardPage extends Placed {
  status: Status
  orders: BoardRow[]
  next_cursor?: string | null
}

export interface Counts extends Placed {
  counts: Partial<Record<Status, number>>
}

export interface Card extends Placed {
  order: OrderView
}

export interface Timeline extends Placed {
  entries: TimelineEntry[]
  has_more: boolean
}

export interface Found extends Placed {
  orders: BoardRow[]
  has_more: boolean
}

export interface CommandAnswer {
  order: OrderView
  position: string
  already_done: boolean
}

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
