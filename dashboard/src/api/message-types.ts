// Words of the APIs for messages that could not be applied, as this page uses them.

import type { Actor } from './types'

export interface MessageGroup {
  fingerprint: string
  reason_code: string
  kind?: string | null
  example: string
  messages: number
  orders: number
  first_seen_at: string
  last_seen_at: string
}

export interface MessageGroups {
  groups: MessageGroup[]
  has_more: boolean
}

export interface MessageRow {
  message_no: number
  state: string
  fingerprint: string
  reason_code: string
  reason: string
  kind?: string | null
  source?: string | null
  message_id?: string | null
  order_key?: string | null
  attempts: number
  seen: number
  received_at: string
  last_seen_at: string
  next_attempt?: string | null
}

export interface MessagePage {
  messages: MessageRow[]
  next_cursor?: string | null
}

export interface Deed {
  action: string
  by: Actor
  reason?: string | null
  at: string
}

export interface Message extends MessageRow {
  body_base64: string
  decoded?: unknown
  deeds: Deed[]
}

/** What a bulk call did, and what it left. */
export interface Settled {
  changed: number
  left: number
  last?: number | null
  position?: string
}
