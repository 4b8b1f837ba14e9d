// Find a quote by its id or by what it was called.

import { type FormEvent, useState } from 'react'
import { useLocation } from 'wouter'
import { useI18n } from '../i18n/i18n'
import { addressOf } from './address'

export function FindQuote() {
  const { t } = useI18n()
  const [, go] = useLocation()
  const [text, setText] = useState('')

  function submit(event: FormEvent) {
    event.preventDefault()
    const address = addressOf(text)
    if (address) go(address)
  }

  return (
    <form className="panel find-quote" onSubmit={submit}>
      <label htmlFor="find-quote">{t('quotes.find')}</label>
      <div className="joined">
        <input
          id="find-quote"
          type="search"
          value={text}
          maxLength={200}
          onChange={(event) => setText(event.target.value)}
          autoComplete="off"
          enterKeyHint="search"
        />
        <button type="submit">{t('quotes.find-submit')}</button>
      </div>
    </form>
  )
}
