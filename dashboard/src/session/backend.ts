// Everything that belongs to one signed-in session: made at sign-in, thrown away at sign-out, so that nothing of one
// person's is ever shown to the next.

import { QueryClient } from '@tanstack/react-query'
import { writeUrlFromConfig } from '../api/config'
import { type FreshnessStore, freshnessStore } from '../api/freshness'
import { type Http, http } from '../api/http'
import { type Live, live } from '../api/live'
import { later } from '../api/position'
import { ApiError, isTemporary } from '../api/problem'
import { type Reads, reads } from '../api/reads'
import { backoffMs } from '../api/retry'
import { type Store, store } from '../api/store'
import { type Errands, errands } from '../order/errands'
import { NOTHING, type Overlay } from '../order/overlay'
import { followLive } from './follow-live'
import { forgetWhatWasRead } from './forget'
import type { Session } from './token'

export interface Backend {
  session: Session
  http: Http
  reads: Reads
  queries: QueryClient
  overlay: Store<Overlay>
  errands: Errands
  freshness: FreshnessStore
  live: Live['state']
  close(): void
}

export function openBackend(session: Session, onUnauthorized: (error: ApiError) => void): Backend {
  const freshness = freshnessStore()
  const overlay = store(NOTHING)
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        retry: (failures, error) => error instanceof ApiError && isTemporary(error.problem) && failures < 4,
        retryDelay: backoffMs,
        gcTime: 60_000,
        networkMode: 'always',
      },
    },
  })
  const writeUrl = writeUrlFromConfig()
  // Asked now, while who served us is there: commands must not need the read side later.
  writeUrl().catch(() => {})
  const connection = http({
    token: session.token,
    writeUrl,
    freshness,
    onUnauthorized,
  })
  const stopForgetting = forgetWhatWasRead(queries, overlay)
  const stream = live(
    connection,
    followLive({
      queries,
      overlay,
      freshness,
      raiseFloor: (position) => connection.floor.set(later(connection.floor.get(), position)),
    }),
  )
  const nudge = () => document.visibilityState === 'visible' && stream.nudge()
  addEventListener('online', nudge)
  document.addEventListener('visibilitychange', nudge)
  return {
    session,
    http: connection,
    reads: reads(connection),
    queries,
    overlay,
    errands: errands(connection, overlay, queries),
    freshness,
    live: stream.state,
    close() {
      removeEventListener('online', nudge)
      document.removeEventListener('visibilitychange', nudge)
      stopForgetting()
      stream.stop()
      queries.clear()
    },
  }
}
