import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Live, live } from '../src/api/live'
import { ApiError } from '../src/api/problem'
import type { ServerEvent } from '../src/api/sse'

type Stream = { headers: Record<string, string>; say(text: string): void; end(): void }

/** A server of live streams: each connection is refused with the next problem, or stays open until it is ended. */
function server(...refusals: number[]) {
  const streams: Stream[] = []
  let attempts = 0
  const stream = async (_: string, headers: Record<string, string>, signal: AbortSignal) => {
    attempts += 1
    const refusal = refusals.shift()
    if (refusal) throw new ApiError({ status: refusal, retryAfter: null, more: {} })
    let control: ReadableStreamDefaultController<Uint8Array>
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        control = controller
        signal.addEventListener('abort', () => controller.error(signal.reason), { once: true })
      },
    })
    const bytes = new TextEncoder()
    streams.push({ headers, say: (text) => control.enqueue(bytes.encode(text)), end: () => control.close() })
    return new Response(body)
  }
  return { stream, streams, attempts: () => attempts }
}

describe('the live stream', () => {
  const heard: ServerEvent[] = []
  let gaps = 0
  let opened: Live | null = null
  const follow = (from: ReturnType<typeof server>) => {
    opened = live(from, {
      onEvent: (event) => heard.push(event),
      onGap: () => {
        gaps += 1
      },
    })
    return opened
  }
  const settle = (ms = 20_000) => vi.advanceTimersByTimeAsync(ms)

  beforeEach(() => {
    vi.useFakeTimers()
    heard.length = 0
    gaps = 0
  })
  afterEach(() => {
    opened?.stop()
    vi.useRealTimers()
  })

  test('begins with a gap, because nobody knows what was read before', async () => {
    const from = server()
    const { state } = follow(from)
    await settle(1)
    expect(gaps).toBe(1)
    expect(state.get()).toBe('live')
    expect(from.streams[0]?.headers).toEqual({})
  })

  test('goes on where it broke off, without a gap', async () => {
    const from = server()
    const { state } = follow(from)
    await settle(1)
    from.streams[0]?.say('id: 1-7\nevent: order\ndata: {}\n\nid: 1-9\nevent: counts\ndata: {}\n\n')
    await settle(1)
    from.streams[0]?.end()
    await settle(1)
    expect(state.get()).toBe('reconnecting')
    await settle()
    expect(from.streams[1]?.headers).toEqual({ 'Last-Event-ID': '1-7' })
    expect(heard.map((event) => event.event)).toEqual(['order', 'counts'])
    expect(gaps).toBe(1)
  })

  test('asks for everything again when the server says so', async () => {
    const from = server()
    follow(from)
    await settle(1)
    from.streams[0]?.say('id: 2-1\nevent: resync\ndata: {"position":"2-1"}\n\n')
    await settle(1)
    expect(gaps).toBe(2)
  })

  test('is taken for dead when it is silent for long', async () => {
    const from = server()
    follow(from)
    await settle(30_000)
    expect(from.streams).toHaveLength(1)
    await settle(30_000)
    expect(from.streams).toHaveLength(2)
  })

  test('comes back after failures, sooner when nudged', async () => {
    const from = server(503, 503, 503, 503, 503, 503)
    const { state, nudge } = follow(from)
    await settle(3000)
    expect(state.get()).toBe('reconnecting')
    const before = from.attempts()
    nudge()
    await settle(1)
    expect(from.attempts()).toBe(before + 1)
    await settle(120_000)
    expect(state.get()).toBe('live')
  })

  test('does not knock at a door that is closed to it', async () => {
    const from = server(401)
    follow(from)
    await settle(60_000)
    expect(from.attempts()).toBe(1)
  })

  test('starts afresh when its position makes no sense to the server', async () => {
    const from = server()
    follow(from)
    await settle(1)
    from.streams[0]?.say('id: odd\nevent: order\ndata: {}\n\n')
    await settle(1)
    const again = server(422)
    from.stream = again.stream
    from.streams[0]?.end()
    await settle()
    expect(again.streams[0]?.headers).toEqual({})
  })
})
