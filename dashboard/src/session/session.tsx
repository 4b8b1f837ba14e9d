// Signed in or not, and why not.

import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react'
import type { Problem } from '../api/problem'
import { savedToken, takeTokenFromAddress } from './storage'
import { readToken, type Session, type TokenFault } from './token'

export type WhySignedOut =
  | { kind: 'fresh' }
  | { kind: 'signed-out' }
  | { kind: 'expired' }
  | { kind: 'refused'; problem: Problem }

type State = { session: Session } | { session: null; why: WhySignedOut }

interface Sessions {
  state: State
  /** The fault, if the text is no token that could be used. */
  signIn(text: string): TokenFault | null
  signOut(why: WhySignedOut): void
}

const Context = createContext<Sessions | null>(null)

function initialState(): State {
  const token = takeTokenFromAddress() ?? savedToken.get()
  const session = token === null ? 'empty' : readToken(token, Date.now())
  if (typeof session !== 'string') {
    savedToken.set(session.token)
    return { session }
  }
  savedToken.clear()
  return { session: null, why: { kind: session === 'expired' ? 'expired' : 'fresh' } }
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<State>(initialState)

  const signOut = useCallback((why: WhySignedOut) => {
    savedToken.clear()
    setState({ session: null, why })
  }, [])

  const signIn = useCallback((text: string) => {
    const session = readToken(text, Date.now())
    if (typeof session === 'string') return session
    savedToken.set(session.token)
    setState({ session })
    return null
  }, [])

  useTokenInAddress(signIn)
  useExpiry(state.session, signOut)

  const value = useMemo(() => ({ state, signIn, signOut }), [state, signIn, signOut])
  return <Context value={value}>{children}</Context>
}

/** A token pasted behind the address of a page that is open already. */
function useTokenInAddress(signIn: (text: string) => TokenFault | null) {
  useEffect(() => {
    const look = () => {
      const token = takeTokenFromAddress()
      if (token) signIn(token)
    }
    addEventListener('hashchange', look)
    return () => removeEventListener('hashchange', look)
  }, [signIn])
}

function useExpiry(session: Session | null, signOut: (why: WhySignedOut) => void) {
  useEffect(() => {
    const expiresAt = session?.expiresAt
    if (!expiresAt) return
    // Looked at now and then rather than timed: laptops sleep, and long timers overflow.
    const timer = setInterval(() => {
      if (Date.now() >= expiresAt) signOut({ kind: 'expired' })
    }, 5000)
    return () => clearInterval(timer)
  }, [session, signOut])
}

export function useSessions(): Sessions {
  const sessions = use(Context)
  if (!sessions) throw new Error('useSessions outside SessionProvider')
  return sessions
}
