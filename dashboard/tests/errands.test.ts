import { expect, test } from 'vitest'
import { ApiError } from '../src/api/problem'
import { store } from '../src/api/store'
import type { CommandAnswer } from '../src/api/types'
import { errands, mayRepeat } from '../src/order/errands'
import { NOTHING } from '../src/order/overlay'
import { row, view } from './rows'

const answer: CommandAnswer = {
  order: view('a', 'MANUFACTURING_STARTED', 6, 1),
  position: '1-20',
  already_done: false,
}
const broken = (status: number) => new ApiError({ status, retryAfter: null, more: {} })

/** A desk whose server gives the answers in turn. */
function desk(...answers: (CommandAnswer | Error)[]) {
  const overlay = store(NOTHING)
  const asked: unknown[] = []
  const keys: string[] = []
  const bodies: object[] = []
  const queries = {
    invalidateQueries: async (filters?: { queryKey?: unknown }) => void asked.push(filters?.queryKey),
  }
  const command = async (_: string, key: string, body: object) => {
    keys.push(key)
    bodies.push(body)
    const next = answers.shift()
    if (next instanceof Error) throw next
    return next as never
  }
  let made = 0
  return { overlay, asked, keys, bodies, desk: errands({ command }, overlay, queries, () => `key-${++made}`) }
}

const order = row('a', 'MANUFACTURING_APPROVED', 5, 0)
const phases = (all: { get(): readonly { phase: { kind: string } }[] }) =>
  all.get().map((each) => each.phase.kind)

test('the answer is laid over what was read, and what was read is read again', async () => {
  const { desk: at, overlay, asked } = desk(answer)
  await at.send(order, 'take')
  expect(overlay.get().known.get('a')?.card?.status).toBe('MANUFACTURING_STARTED')
  expect(overlay.get().moves).toEqual([
    { from: 'MANUFACTURING_APPROVED', to: 'MANUFACTURING_STARTED', position: '1-20' },
  ])
  expect(asked).toContainEqual(['card', 'a'])
  expect(phases(at.all)).toEqual(['done'])
})

test('trying again is the same decision: the same key', async () => {
  const { desk: at, keys } = desk(broken(500), answer)
  await at.send(order, 'take')
  const [failed] = at.all.get()
  expect(failed?.phase.kind).toBe('failed')
  if (failed) await at.again(failed)
  expect(keys).toEqual(['key-1', 'key-1'])
  expect(phases(at.all)).toEqual(['done'])
})

test('a new decision about the same order has a key of its own and replaces the last word', async () => {
  const { desk: at, keys } = desk(broken(409), answer)
  await at.send(order, 'take')
  await at.send(order, 'take')
  expect(keys).toEqual(['key-1', 'key-2'])
  expect(phases(at.all)).toEqual(['done'])
})

test('a refusal stays until it is dismissed, and is not offered again', async () => {
  const { desk: at } = desk(broken(409))
  await at.send(order, 'take')
  const [refused] = at.all.get()
  expect(mayRepeat(broken(409))).toBe(false)
  expect(mayRepeat(broken(0)) && mayRepeat(broken(429)) && mayRepeat(broken(503))).toBe(true)
  if (refused) at.dismiss(refused)
  expect(at.all.get()).toEqual([])
})

test('every command but taking names the version that was seen', async () => {
  const { desk: at, bodies } = desk(answer, answer)
  await at.send(order, 'take')
  await at.send(order, 'give-back', { reason: 'broken mould' })
  expect(bodies).toEqual([{}, { expected_version: 5, reason: 'broken mould' }])
})
