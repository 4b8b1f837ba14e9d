// Replaying and discarding: one message, or a group in bounded steps until nothing of it is left.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { persist } from '../api/commands'
import type { Http } from '../api/http'
import type { Settled } from '../api/message-types'
import { useBackend } from '../session/use-backend'

export type Fate = 'replay' | 'discard'

export type Which = { fingerprint: string } | { messageNo: number }

export interface Decision {
  fate: Fate
  /** Made once, when the person decides; each step of a group adds its number. */
  key: string
  reason?: string
}

export function useSettle(which: Which) {
  const { http } = useBackend()
  const queries = useQueryClient()
  return useMutation({
    networkMode: 'always',
    mutationFn: (decision: Decision) => settle(http, which, decision),
    onSettled: () => queries.invalidateQueries({ queryKey: ['messages'] }),
  })
}

export type Settle = ReturnType<typeof useSettle>

/** How many messages it was about. */
export async function settle(
  http: Pick<Http, 'command'>,
  which: Which,
  { fate, key, reason }: Decision,
): Promise<number> {
  if ('messageNo' in which) {
    const path = `/v1/messages/${which.messageNo}/${fate}`
    await persist(() => http.command<{ position?: string }>(path, key, { reason }))
    return 1
  }
  let changed = 0
  let after: number | undefined
  for (let step = 1; ; step += 1) {
    const body = { fingerprint: which.fingerprint, reason, after }
    const path = `/v1/messages/${fate}`
    const said = await persist(() => http.command<Settled>(path, `${key}-${step}`, body))
    changed += said.changed
    if (said.left === 0 || said.changed === 0) return changed
    after = said.last ?? after
  }
}
