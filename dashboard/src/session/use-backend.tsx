// The session's backend for everything below.

import { QueryClientProvider } from '@tanstack/react-query'
import { createContext, type ReactNode, use, useEffect, useState, useSyncExternalStore } from 'react'
import type { Store } from '../api/store'
import { type Backend, openBackend } from './backend'
import { useSessions } from './session'
import type { Session } from './token'

const Context = createContext<Backend | null>(null)

export function BackendProvider({ session, children }: { session: Session; children: ReactNode }) {
  const { signOut } = useSessions()
  const [backend, setBackend] = useState<Backend | null>(null)
  useEffect(() => {
    const opened = openBackend(session, (error) => signOut({ kind: 'refused', problem: error.problem }))
    setBackend(opened)
    return () => opened.close()
  }, [session, signOut])
  if (!backend) return null
  return (
    <Context value={backend}>
      <QueryClientProvider client={backend.queries}>{children}</QueryClientProvider>
    </Context>
  )
}

export function useBackend(): Backend {
  const backend = use(Context)
  if (!backend) throw new Error('useBackend outside BackendProvider')
  return backend
}

export function useStore<T>(watched: Store<T>): T {
  return useSyncExternalStore(watched.subscribe, watched.get)
}

/** What is known beyond what was read. */
export function useOverlay() {
  return useStore(useBackend().overlay)
}

/** How often to ask again: rarely while the live stream tells what changes, often while it is down. */
export function useRefetchInterval(): number {
  return useStore(useBackend().live) === 'live' ? 60_000 : 5_000
}
