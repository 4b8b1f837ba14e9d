// What is around every page.

import type { ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { SearchBox } from '../board/search'
import { LanguageSwitch, useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { Who } from '../session/who'
import { DataAge } from './data-age'

export function Frame({ children }: { children: ReactNode }) {
  const { t } = useI18n()
  const { session } = useBackend()
  return (
    <>
      <button type="button" className="skip" onClick={skip}>
        {t('nav.skip')}
      </button>
      <header className="top">
        <nav className="top-nav" aria-label={t('nav.main')}>
          <NavLink to="/board" text={t('nav.board')} />
          {session.role === 'operator' && <NavLink to="/my-work" text={t('nav.my-work')} />}
        </nav>
        <SearchBox />
        <DataAge />
        <LanguageSwitch />
        <Who session={session} />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  )
}

function skip() {
  document.getElementById('content')?.focus()
}

function NavLink({ to, text }: { to: string; text: string }) {
  const [location] = useLocation()
  const here = location === to || location.startsWith(`${to}/`)
  return (
    <Link href={to} className="top-link" aria-current={here ? 'page' : undefined}>
      {text}
    </Link>
  )
}
