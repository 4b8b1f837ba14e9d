// What is around every page.

import type { ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { rememberList } from '../board/last-list'
import { SearchBox } from '../board/search'
import { LanguageSwitch, useI18n } from '../i18n/i18n'
import { ErrandNotices } from '../order/errand-notices'
import { useBackend } from '../session/use-backend'
import { Who } from '../session/who'
import { DataAge } from './data-age'
import { useFocusOnPage, useScroll } from './use-scroll'

export function Frame({ children }: { children: ReactNode }) {
  const { t } = useI18n()
  const { session } = useBackend()
  const [location] = useLocation()
  rememberList(location)
  useScroll(location)
  useFocusOnPage(location)
  return (
    <>
      <button type="button" className="skip" onClick={skip}>
        {t('nav.skip')}
      </button>
      <header className="top">
        <nav className="top-nav" aria-label={t('nav.main')}>
          <NavLink to="/board" text={t('nav.board')} />
          {session.role === 'operator' && <NavLink to="/my-work" text={t('nav.my-work')} />}
          {['seller', 'admin'].includes(session.role) && <NavLink to="/quotes" text={t('nav.quotes')} />}
          {['seller', 'admin'].includes(session.role) && <NavLink to="/messages" text={t('nav.messages')} />}
          {['seller', 'admin'].includes(session.role) && (
            <NavLink to="/incidents" text={t('nav.incidents')} />
          )}
          {session.role === 'admin' && <NavLink to="/metals" text={t('nav.metals')} />}
        </nav>
        <SearchBox />
        <DataAge />
        <LanguageSwitch />
        <Who session={session} />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <ErrandNotices />
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
