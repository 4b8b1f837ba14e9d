// Some commands need a word: why, or under which number.

import { type FormEvent, useEffect, useId, useRef, useState } from 'react'
import type { OrderCommand } from '../api/types'
import { useI18n } from '../i18n/i18n'
import type { Key } from '../i18n/text'
import { asksFor } from './allowed'

const ASK: Partial<Record<OrderCommand, Key>> = {
  'give-back': 'ask.give-back',
  rework: 'ask.rework',
  ship: 'ask.ship',
  close: 'ask.close',
  cancel: 'ask.cancel',
}

interface Props {
  kind: OrderCommand
  externalId: string
  onAnswer(said: { reason?: string; tracking_number?: string }): void
  onClosed(): void
}

export function AskDialog({ kind, externalId, onAnswer, onClosed }: Props) {
  const { t } = useI18n()
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [missing, setMissing] = useState(false)
  const wants = asksFor(kind) ?? 'reason'
  useEffect(() => {
    dialog.current?.showModal()
  }, [])

  /** Closed and not just taken away, so that the focus returns to the button that asked. */
  const close = () => dialog.current?.close()

  function submit(event: FormEvent) {
    event.preventDefault()
    const said = text.trim()
    if (said === '') return setMissing(true)
    onAnswer({ [wants]: said })
    close()
  }

  return (
    <dialog ref={dialog} onClose={onClosed} aria-labelledby={`${id}-title`}>
      <form onSubmit={submit} noValidate>
        <h2 id={`${id}-title`}>{t(ASK[kind] ?? `command.${kind}`, { external: externalId })}</h2>
        <label htmlFor={id}>{t(wants === 'reason' ? 'command.reason' : 'command.tracking')}</label>
        <input
          id={id}
          value={text}
          maxLength={wants === 'reason' ? 500 : 64}
          onChange={(event) => setText(event.target.value)}
          aria-invalid={missing}
          aria-describedby={`${id}-hint`}
          autoComplete="off"
        />
        <p id={`${id}-hint`} className={missing ? 'fault' : 'faint'} role={missing ? 'alert' : undefined}>
          {missing ? t('command.required') : t('command.reason-hint')}
        </p>
        <div className="buttons">
          <button type="submit" className={kind === 'cancel' ? 'danger' : 'primary'}>
            {t(`command.${kind}`)}
          </button>
          <button type="button" onClick={close}>
            {t('command.abandon')}
          </button>
        </div>
      </form>
    </dialog>
  )
}
