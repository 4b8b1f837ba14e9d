// Commands on their way. They belong to the session and not to a button: a row may leave the list, or a card be
// closed, before the answer is there, and the answer must still be heard.

import type { QueryClient } from '@tanstack/react-query'
import { type Command, carryOut, type Waiting } from '../api/commands'
import type { Http } from '../api/http'
import { ApiError } from '../api/problem'
import { type Store, store } from '../api/store'
import type { OrderCommand, Status } from '../api/types'
import { learnAnswer, type Overlay } from './overlay'

export interface Commanded {
  order_id: string
  external_id: string
  status: Status
  version: number
}

export type Phase =
  | { kind: 'sending'; waiting: Waiting | null }
  | { kind: 'done'; alreadyDone: boolean }
  | { kind: 'failed'; error: unknown }

export interface Errand {
  command: Command
  order: Commanded
  phase: Phase
}

export interface Errands {
  all: Store<readonly Errand[]>
  send(
    order: Commanded,
    kind: OrderCommand,
    said?: { reason?: string; tracking_number?: string },
  ): Promise<void>
  /** The same decision once more, so with the same key. */
  again(errand: Errand): Promise<void>
  /** Stops waiting for a server that is away. */
  stop(errand: Errand): void
  dismiss(errand: Errand): void
}

export function errands(
  http: Pick<Http, 'command'>,
  overlay: Store<Overlay>,
  queries: Pick<QueryClient, 'invalidateQueries'>,
  newKey: () => string = () => crypto.randomUUID(),
): Errands {
  const all = store<readonly Errand[]>([])
  const stops = new Map<string, AbortController>()
  const others = (errand: Errand) => all.get().filter((each) => each.command.key !== errand.command.key)
  const set = (errand: Errand, phase: Phase) => all.set([...others(errand), { ...errand, phase }])

  async function run(errand: Errand) {
    const { command, order } = errand
    const stop = new AbortController()
    stops.set(command.key, stop)
    set(errand, { kind: 'sending', waiting: null })
    try {
      const onWait = (waiting: Waiting | null) => set(errand, { kind: 'sending', waiting })
      const answer = await carryOut(http, command, onWait, stop.signal)
      overlay.set(learnAnswer(overlay.get(), answer.order, answer.position, order.status))
      set(errand, { kind: 'done', alreadyDone: answer.already_done })
    } catch (error) {
      if (stop.signal.aborted) all.set(others(errand))
      else set(errand, { kind: 'failed', error })
    } finally {
      stops.delete(command.key)
    }
    lookAgain(command.orderId)
  }

  /** Whatever the answer: what is on the screen may be older than it. */
  function lookAgain(orderId: string) {
    for (const queryKey of [['card', orderId], ['timeline', orderId], ['list'], ['counts']]) {
      void queries.invalidateQueries({ queryKey })
    }
  }

  return {
    all,
    send(order, kind, said = {}) {
      // Whoever takes wants it as it is; and of a hundred who try, 99 should hear who has it, not that it changed.
      const body = kind === 'take' ? said : { expected_version: order.version, ...said }
      const command = { kind, orderId: order.order_id, key: newKey(), body }
      // A new decision about an order replaces what was said about its last one.
      all.set(
        all.get().filter((each) => each.order.order_id !== order.order_id || each.phase.kind === 'sending'),
      )
      return run({ command, order, phase: { kind: 'sending', waiting: null } })
    },
    again: (errand) => run(errand),
    stop: (errand) => stops.get(errand.command.key)?.abort(),
    dismiss: (errand) => all.set(others(errand)),
  }
}

/** Whether it may help to send the same command again. */
export function mayRepeat(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    (error.problem.status === 0 || error.problem.status === 429 || error.problem.status >= 500)
  )
}
