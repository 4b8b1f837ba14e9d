// One command from the click to its answer.

import { useCallback, useEffect, useRef, useState } from 'react'
import { type Command, carryOut, type Waiting } from '../api/commands'
import { ApiError } from '../api/problem'
import type { CommandKind, Status } from '../api/types'
import { useBackend } from '../session/use-backend'
import { learnAnswer } from './overlay'

export interface Commanded {
  order_id: string
  status: Status
  version: number
}

export type Phase =
  | { kind: 'idle' }
  | { kind: 'sending'; command: Command; waiting: Waiting | null }
  | { kind: 'done'; command: Command; alreadyDone: boolean }
  | { kind: 'failed'; command: Command; error: unknown }

export function useCommand(order: Commanded) {
  const { http, overlay, queries } = useBackend()
  const [phase, setPhase] = useState<Phase>({ kind: 'idle' })
  const stopping = useRef<AbortController | null>(null)
  useEffect(() => () => stopping.current?.abort(), [])

  const run = useCallback(
    async (command: Command, from: Status) => {
      const stop = new AbortController()
      stopping.current = stop
      setPhase({ kind: 'sending', command, waiting: null })
      try {
        const onWait = (waiting: Waiting | null) => setPhase({ kind: 'sending', command, waiting })
        const answer = await carryOut(http, command, onWait, stop.signal)
        overlay.set(learnAnswer(overlay.get(), answer.order, answer.position, from))
        setPhase({ kind: 'done', command, alreadyDone: answer.already_done })
      } catch (error) {
        setPhase(error instanceof ApiError ? { kind: 'failed', command, error } : { kind: 'idle' })
      }
      // Whatever the answer, what is on the screen may be older than it.
      for (const key of ['card', 'timeline']) {
        void queries.invalidateQueries({ queryKey: [key, command.orderId] })
      }
      void queries.invalidateQueries({ queryKey: ['list'] })
    },
    [http, overlay, queries],
  )

  return {
    phase,
    send(kind: CommandKind, said: { reason?: string; tracking_number?: string } = {}) {
      const key = crypto.randomUUID()
      const body = { expected_version: order.version, ...said }
      return run({ kind, orderId: order.order_id, key, body }, order.status)
    },
    /** The same decision once more, so with the same key. */
    again() {
      if (phase.kind === 'failed') void run(phase.command, order.status)
    },
    stop() {
      stopping.current?.abort()
      setPhase({ kind: 'idle' })
    },
    dismiss: () => setPhase({ kind: 'idle' }),
  }
}

export type UseCommand = ReturnType<typeof useCommand>
