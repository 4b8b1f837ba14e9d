// The only page for who is not signed in.

import { type FormEvent, useState } from 'react'
import { LanguageSwitch, useI18n } from '../i18n/i18n'
import { Notice } from '../ui/notice'
import { useTitle } from '../ui/use-title'
import { useSessions, type WhySignedOut } from './session'
import type { TokenFault } from './token'

export function SignIn({ why }: { why: WhySignedOut }) {
  const { t } = useI18n()
  const { signIn } = useSessions()
  useTitle(t('sign-in.title'))
  const [text, setText] = useState('')
  const [fault, setFault] = useState<TokenFault | null>(null)

  function submit(event: FormEvent) {
    event.preventDefault()
    setFault(signIn(text))
  }

  return (
    <main className="sign-in">
      <form className="panel" onSubmit={submit} noValidate>
        <header>
          <h1>{t('sign-in.title')}</h1>
          <LanguageSwitch />
        </header>
        <Reason why={why} />
        <p className="faint">{t('sign-in.hint')}</p>
        <label htmlFor="token">{t('sign-in.token')}</label>
        <textarea
          id="token"
          className="mono"
          rows={4}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => event.key === 'Enter' && submit(event)}
          spellCheck={false}
          autoComplete="off"
          // biome-ignore lint/a11y/noAutofocus: it is the only thing to do on this page
          autoFocus
          aria-invalid={fault !== null}
          aria-describedby={fault ? 'token-fault' : undefined}
        />
        {fault && (
          <p id="token-fault" className="fault" role="alert">
            {t(`sign-in.fault.${fault}`)}
          </p>
        )}
        <button type="submit" className="primary">
          {t('sign-in.submit')}
        </button>
      </form>
    </main>
  )
}

function Reason({ why }: { why: WhySignedOut }) {
  const { t } = useI18n()
  switch (why.kind) {
    case 'fresh':
      return null
    case 'signed-out':
      return <Notice kind="info">{t('sign-in.reason.signed-out')}</Notice>
    case 'expired':
      return <Notice kind="warning">{t('sign-in.reason.expired')}</Notice>
    case 'refused': {
      const { detail } = why.problem
      return (
        <Notice kind="warning">
          {detail ? t('sign-in.reason.refused', { detail }) : t('sign-in.reason.refused-bare')}
        </Notice>
      )
    }
  }
}
