import { describe, expect, test } from 'vitest'
import type { Status, TimelineEntry } from '../src/api/types'
import { formats } from '../src/i18n/format'
import { translator } from '../src/i18n/text'
import { actionsFor, asksFor, inHandOf } from '../src/order/allowed'
import { eventText } from '../src/order/event-text'
import { steps, totalSeconds } from '../src/order/steps'
import { mayAcceptVolume } from '../src/pricing/may-accept-volume'
import { at, holder } from './rows'

const anna = { id: 'anna', role: 'operator' as const }
const seller = { id: 's', role: 'seller' as const }
const admin = { id: 'x', role: 'admin' as const }

describe('my buttons', () => {
  const mine = (status: Status) => ({ status, holder: holder('anna') })
  const boris = (status: Status) => ({ status, holder: holder('boris') })

  test('of an operator: what is free, and what is mine', () => {
    expect(actionsFor(anna, { status: 'MANUFACTURING_APPROVED' })).toEqual(['take'])
    expect(actionsFor(anna, mine('MANUFACTURING_STARTED'))).toEqual(['complete', 'give-back'])
    expect(actionsFor(anna, mine('MANUFACTURING_COMPLETED'))).toEqual(['pack', 'rework'])
    expect(actionsFor(anna, mine('PACKAGING'))).toEqual(['ship'])
    expect(actionsFor(anna, boris('MANUFACTURING_STARTED'))).toEqual([])
    expect(actionsFor(anna, mine('SHIPPED'))).toEqual([])
  })

  test('of a seller: approving, pricing again, closing, cancelling', () => {
    const failed = {
      generation: 1,
      state: 'failed',
      attempts: 3,
      code: 'x',
      reason: 'y',
      since: at(0),
    } as const
    expect(actionsFor(seller, { status: 'PRICE_CALCULATED' })).toEqual(['approve', 'cancel'])
    expect(actionsFor(seller, { status: 'SUBMITTED', pricing: failed })).toEqual(['reprice', 'cancel'])
    expect(actionsFor(seller, { status: 'SUBMITTED' })).toEqual(['cancel'])
    expect(actionsFor(seller, boris('MANUFACTURING_STARTED'))).toEqual(['cancel'])
    expect(actionsFor(seller, boris('SHIPPED'))).toEqual(['close'])
    expect(actionsFor(seller, boris('CLOSED'))).toEqual([])
  })

  test('of an administrator: also for an operator who is absent', () => {
    expect(actionsFor(admin, boris('MANUFACTURING_STARTED'))).toEqual(['complete', 'give-back', 'cancel'])
  })

  test('of a partner: none', () => {
    expect(actionsFor({ id: '', role: 'partner' }, { status: 'PRICE_CALCULATED' })).toEqual([])
  })

  test('what is asked before', () => {
    expect(asksFor('ship')).toBe('tracking_number')
    expect(asksFor('cancel')).toBe('reason')
    expect(asksFor('take')).toBeNull()
  })

  test('a shipped order is in nobody’s hands', () => {
    expect(inHandOf(mine('PACKAGING'), 'anna')).toBe(true)
    expect(inHandOf(mine('SHIPPED'), 'anna')).toBe(false)
  })
})

describe('the timeline', () => {
  const entry = (
    version: number,
    kind: string,
    status: Status,
    minute: number,
    data = {},
  ): TimelineEntry => ({
    version,
    kind,
    status,
    actor: { role: 'shop' },
    data,
    occurred_at: at(minute),
  })
  const life = [
    entry(3, 'price-calculated', 'PRICE_CALCULATED', 5),
    entry(1, 'submitted', 'SUBMITTED', 1),
    entry(2, 'pricing-started', 'SUBMITTED', 2),
  ]

  test('tells the time until the next step, in the order of versions', () => {
    expect(steps(life).map((step) => [step.entry.kind, step.moves, step.took])).toEqual([
      ['submitted', true, 60],
      ['pricing-started', false, 180],
      ['price-calculated', true, null],
    ])
  })

  test('counts from the first step to now, or to the end', () => {
    expect(totalSeconds(life, Date.parse(at(11)))).toBe(600)
    const closed = [...life, entry(4, 'closed', 'CLOSED', 7), entry(5, 'closing-repeated', 'CLOSED', 9)]
    expect(totalSeconds(closed, Date.parse(at(50)))).toBe(360)
    expect(totalSeconds([], 0)).toBeNull()
  })

  test('says each step in words, with what the event knows', () => {
    const t = translator('en')
    const text = (kind: string, data: object) =>
      eventText({ ...entry(1, kind, 'SUBMITTED', 1), data: { ...data } }, t, formats('en'))
    expect(text('shipped', { tracking_number: 'TR-1' })).toBe('Shipped, tracking number TR-1')
    expect(text('manufacturing-started', { operator: { operator_id: 'a', name: 'Anna' } })).toBe(
      'Taken into work',
    )
    expect(text('price-calculated', { price: { total: { minor: 100, currency: 'EUR' } } })).toBe(
      'Price calculated: €1.00',
    )
    expect(text('something-new', {})).toBe('something-new')
  })
})

describe('a volume that is known only between bounds', () => {
  const spec = { model_id: 'm', unit: 'millimetre', material: 'm', finish: 'f', quantity: 1 } as const
  const failed = (code: string) => ({
    status: 'SUBMITTED' as const,
    spec,
    pricing: { generation: 1, state: 'failed' as const, code, reason: '', attempts: 1, since: at(0) },
  })

  test('is accepted by those who answer for prices, and where nothing else is wrong', () => {
    expect(mayAcceptVolume(seller, failed('needs_a_person'))).toBe(true)
    expect(mayAcceptVolume(admin, failed('needs_a_person'))).toBe(true)
    expect(mayAcceptVolume(anna, failed('needs_a_person'))).toBe(false)
    expect(mayAcceptVolume(seller, failed('not_closed'))).toBe(false)
    expect(mayAcceptVolume(seller, { ...failed('needs_a_person'), pricing: null })).toBe(false)
  })
})
