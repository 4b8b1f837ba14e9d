// Which buttons I see: what the order's status allows, less what is not mine to do. The server decides; this only
// spares people buttons that would be refused.

import { type OrderCommand, type Pricing, STATUSES, type Status } from '../api/types'
import type { Role } from '../session/token'

export interface Me {
  id: string
  role: Role
}

export interface Subject {
  status: Status
  pricing?: Pricing | null
  holder?: { operator: { operator_id: string } } | null
}

const IN_HAND: readonly Status[] = ['MANUFACTURING_STARTED', 'MANUFACTURING_COMPLETED', 'PACKAGING']

const STEPS: Partial<Record<Status, OrderCommand[]>> = {
  SUBMITTED: ['reprice'],
  PRICE_CALCULATED: ['approve'],
  MANUFACTURING_APPROVED: ['take'],
  MANUFACTURING_STARTED: ['complete', 'give-back'],
  MANUFACTURING_COMPLETED: ['pack', 'rework'],
  PACKAGING: ['ship'],
  SHIPPED: ['close'],
}

export function inHandOf(order: Subject, operatorId: string): boolean {
  return IN_HAND.includes(order.status) && order.holder?.operator.operator_id === operatorId
}

/** The most likely one first; cancelling always last. */
export function actionsFor(me: Me, order: Subject): OrderCommand[] {
  const steps = (STEPS[order.status] ?? []).filter((command) => mayDo(me, command, order))
  const cancellable = STATUSES.indexOf(order.status) < STATUSES.indexOf('SHIPPED')
  return cancellable && isOffice(me) ? [...steps, 'cancel'] : steps
}

function mayDo(me: Me, command: OrderCommand, order: Subject): boolean {
  switch (command) {
    case 'take':
      return me.role === 'operator'
    case 'reprice':
      return isOffice(me) && order.pricing?.state === 'failed'
    case 'approve':
    case 'close':
      return isOffice(me)
    default:
      return me.role === 'admin' || (me.role === 'operator' && inHandOf(order, me.id))
  }
}

function isOffice(me: Me): boolean {
  return me.role === 'seller' || me.role === 'admin'
}

/** What a person has to say before it can be sent. */
export function asksFor(command: OrderCommand): 'reason' | 'tracking_number' | null {
  if (command === 'ship') return 'tracking_number'
  return ['give-back', 'rework', 'close', 'cancel'].includes(command) ? 'reason' : null
}
