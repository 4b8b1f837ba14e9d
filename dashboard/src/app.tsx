// Signed in: the pages. Not signed in: the door.

import { Router } from 'wouter'
import { useHashLocation } from 'wouter/use-hash-location'
import { I18nProvider } from './i18n/i18n'
import { Routes } from './routes'
import { SessionProvider, useSessions } from './session/session'
import { SignIn } from './session/sign-in'
import { BackendProvider } from './session/use-backend'
import { CrashGuard } from './ui/crash'
import { Frame } from './ui/frame'

export function App() {
  return (
    <I18nProvider>
      <CrashGuard>
        <SessionProvider>
          <Door />
        </SessionProvider>
      </CrashGuard>
    </I18nProvider>
  )
}

function Door() {
  const { state } = useSessions()
  if (!state.session) return <SignIn why={state.why} />
  return (
    <BackendProvider session={state.session}>
      <Router hook={useHashLocation}>
        <Frame>
          <CrashGuard>
            <Routes />
          </CrashGuard>
        </Frame>
      </Router>
    </BackendProvider>
  )
}
