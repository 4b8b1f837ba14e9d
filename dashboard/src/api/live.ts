// The live stream: connected, resumed where it broke off, or honestly down.

import { backoff, sleep } from './backoff'
import type { Http } from './http'
import { ApiError } from './problem'
import { type ServerEvent, sseParser } from './sse'
import { type Store, store } from './store'

export type LiveState = 'connecting' | 'live' | 'reconnecting'

export interface LiveEvents {
  onEvent(event: ServerEvent): void
  /** A stream that does not continue where the last one ended has begun: look at everything again. */
  onGap(): void
}

export interface Live {
  state: Store<LiveState>
  stop(): void
  /** Something says that the network is back: do not sit out the wait. */
  nudge(): void
}

/** The server sends something at least every 15 s; a stream silent for longer is dead, whatever TCP believes. */
const SILENCE_MS = 40_000

export function live(http: Pick<Http, 'stream'>, events: LiveEvents): Live {
  const state = store<LiveState>('connecting')
  const stopped = new AbortController()
  let lastId: string | null = null
  let hurry: (() => void) | null = null

  async function once(): Promise<void> {
    const attempt = new AbortController()
    const signal = AbortSignal.any([attempt.signal, stopped.signal])
    const resumed = lastId
    let watchdog = setTimeout(() => attempt.abort(), SILENCE_MS)
    try {
      const response = await http.stream('v1/live', resumed ? { 'Last-Event-ID': resumed } : {}, signal)
      if (!response.body) throw new Error('a live stream without a body')
      if (!resumed) events.onGap()
      state.set('live')
      const parser = sseParser()
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        clearTimeout(watchdog)
        watchdog = setTimeout(() => attempt.abort(), SILENCE_MS)
        for (const event of parser.push(value)) receive(event)
      }
    } finally {
      clearTimeout(watchdog)
      attempt.abort()
    }
  }

  function receive(event: ServerEvent) {
    // Counts may be ahead of the rows that are sent beside them; one resumes after rows.
    if (event.id !== null && event.event !== 'counts') lastId = event.id
    if (event.event === 'resync') events.onGap()
    events.onEvent(event)
  }

  async function run() {
    for (let failures = 0; !stopped.signal.aborted; ) {
      let retryAfter: number | null = null
      const before = Date.now()
      try {
        await once()
      } catch (error) {
        if (error instanceof ApiError) {
          retryAfter = error.problem.retryAfter
          if (error.problem.status === 401) return
          // The server cannot make sense of where we were: start afresh.
          if ([400, 422].includes(error.problem.status)) lastId = null
        }
      }
      if (stopped.signal.aborted) return
      state.set('reconnecting')
      failures = Date.now() - before > SILENCE_MS / 2 ? 1 : failures + 1
      const waiting = new AbortController()
      hurry = () => waiting.abort()
      await sleep(backoff(failures, retryAfter), AbortSignal.any([waiting.signal, stopped.signal])).catch(
        () => {},
      )
      hurry = null
    }
  }

  void run()
  return {
    state,
    stop: () => stopped.abort(),
    nudge: () => hurry?.(),
  }
}
