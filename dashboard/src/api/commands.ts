// A command: sent with a key of its own, and with the same key again when nobody knows whether it arrived.

import { backoff, sleep } from './backoff'
import type { Http } from './http'
import { ApiError, isTemporary, type Problem } from './problem'
import type { CommandAnswer, OrderCommand } from './types'

export interface Command {
  kind: OrderCommand
  orderId: string
  /** Made once, when the person decides; a retry is the same decision. */
  key: string
  body: { expected_version?: number; reason?: string; tracking_number?: string }
}

export interface Waiting {
  problem: Problem
  seconds: number
}

const TRIES = 5

/** Sends an order's command until there is an answer that is about it and not about the weather. */
export function carryOut(
  http: Pick<Http, 'command'>,
  command: Command,
  onWait: (waiting: Waiting | null) => void,
  signal?: AbortSignal,
  wait?: Wait,
): Promise<CommandAnswer> {
  const path = `/v1/orders/${encodeURIComponent(command.orderId)}/${command.kind}`
  return persist(() => http.command<CommandAnswer>(path, command.key, command.body), onWait, signal, wait)
}

type Wait = (ms: number, signal?: AbortSignal) => Promise<void>

/** The same request again while servers are away or busy: it carries a key, so nothing happens twice. */
export async function persist<T>(
  send: () => Promise<T>,
  onWait: (waiting: Waiting | null) => void = () => {},
  signal?: AbortSignal,
  wait: Wait = sleep,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send()
    } catch (error) {
      const again = error instanceof ApiError && isTemporary(error.problem) && tries < TRIES
      if (!again) throw error
      const ms = backoff(tries, error.problem.retryAfter)
      onWait({ problem: error.problem, seconds: Math.ceil(ms / 1000) })
      await wait(ms, signal)
      onWait(null)
    }
  }
}
