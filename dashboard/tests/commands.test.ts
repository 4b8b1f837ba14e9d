import { describe, expect, test } from 'vitest'
import { type Command, carryOut } from '../src/api/commands'
import { freshnessStore } from '../src/api/freshness'
import { http } from '../src/api/http'
import { ApiError } from '../src/api/problem'
import { view } from './rows'

type Call = { url: string; headers: Headers; body: unknown }

/** A server that gives the answers in turn and remembers what it was asked. */
function server(...answers: (Response | Error)[]) {
  return serverAt(async () => 'http://write', ...answers)
}

function serverAt(writeUrl: () => Promise<string>, ...answers: (Response | Error)[]) {
  const calls: Call[] = []
  const unauthorized: ApiError[] = []
  const connection = http({
    token: 'T',
    writeUrl,
    freshness: freshnessStore(),
    onUnauthorized: (error) => unauthorized.push(error),
    fetch: async (url, init) => {
      calls.push({
        url: String(url),
        headers: new Headers(init?.headers),
        body: JSON.parse(String(init?.body ?? 'null')),
      })
      const answer = answers.shift()
      if (!answer || answer instanceof Error) throw answer ?? new TypeError('no more answers')
      return answer
    },
  })
  return { connection, calls, unauthorized }
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers })
const done = () =>
  json(200, { order: view('a', 'MANUFACTURING_STARTED', 6, 1), position: '1-20', already_done: false })
const take: Command = { kind: 'take', orderId: 'a', key: 'K', body: { expected_version: 5 } }
const noWait = async () => {}

describe('a command', () => {
  test('carries its key, the version that was seen, and who asks', async () => {
    const { connection, calls } = server(done())
    await carryOut(connection, take, () => {}, undefined, noWait)
    expect(calls[0]?.url).toBe('http://write/v1/orders/a/take')
    expect(calls[0]?.headers.get('Idempotency-Key')).toBe('K')
    expect(calls[0]?.headers.get('Authorization')).toBe('Bearer T')
    expect(calls[0]?.body).toEqual({ expected_version: 5 })
  })

  test('is sent again with the same key when nobody knows whether it arrived', async () => {
    const waits: number[] = []
    const { connection, calls } = server(
      new TypeError('lost'),
      json(503, {}, { 'Retry-After': '3' }),
      json(429, {}),
      done(),
    )
    const answer = await carryOut(connection, take, (w) => w && waits.push(w.seconds), undefined, noWait)
    expect(answer.position).toBe('1-20')
    expect(calls.map((call) => call.headers.get('Idempotency-Key'))).toEqual(['K', 'K', 'K', 'K'])
    expect(waits[1]).toBe(3)
  })

  test('gives up after bounded tries, with the reason', async () => {
    const { connection, calls } = server(
      ...Array.from({ length: 9 }, () => json(503, { code: 'unavailable' })),
    )
    await expect(carryOut(connection, take, () => {}, undefined, noWait)).rejects.toMatchObject({
      problem: { status: 503 },
    })
    expect(calls).toHaveLength(5)
  })

  test('waits for the address of the write API, too', async () => {
    const addresses = [Promise.reject(new TypeError('away')), Promise.resolve('http://write')]
    const { connection, calls } = serverAt(() => addresses.shift() ?? Promise.reject(new Error()), done())
    await carryOut(connection, take, () => {}, undefined, noWait)
    expect(calls).toHaveLength(1)
  })

  test('is not repeated when it was refused', async () => {
    const { connection, calls } = server(json(409, { code: 'already-taken', detail: 'taken by Anna' }))
    await expect(carryOut(connection, take, () => {}, undefined, noWait)).rejects.toThrow('taken by Anna')
    expect(calls).toHaveLength(1)
  })

  test('stops waiting when told to', async () => {
    const { connection, calls } = server(json(503, {}), done())
    const stop = new AbortController()
    const gone = carryOut(connection, take, () => stop.abort(new Error('stopped')), stop.signal)
    await expect(gone).rejects.toThrow('stopped')
    expect(calls).toHaveLength(1)
  })
})

describe('a read after a command', () => {
  const page = (position: string) =>
    json(200, { counts: {}, as_of: '2026-11-22T12:00:00Z' }, { 'MES-Position': position })

  test('asks for at least the command’s position', async () => {
    const { connection, calls } = server(page('1-3'), done(), page('1-20'))
    await connection.read('v1/board/counts')
    await carryOut(connection, take, () => {}, undefined, noWait)
    const said = await connection.read<{ position: string }>('v1/board/counts')
    expect(calls.map((call) => call.headers.get('MES-Min-Position'))).toEqual([null, null, '1-20'])
    expect(said.position).toBe('1-20')
  })

  test('asks for nothing of an epoch that has ended', async () => {
    const { connection, calls } = server(done(), page('2-1'), page('2-2'))
    await carryOut(connection, take, () => {}, undefined, noWait)
    await connection.read('v1/board/counts')
    await connection.read('v1/board/counts')
    expect(calls.at(-1)?.headers.get('MES-Min-Position')).toBeNull()
  })

  test('that is not let in ends the session with the reason', async () => {
    const { connection, unauthorized } = server(json(401, { detail: 'the token has expired' }))
    await expect(connection.read('v1/board/counts')).rejects.toThrow(ApiError)
    expect(unauthorized[0]?.message).toBe('the token has expired')
  })
})
