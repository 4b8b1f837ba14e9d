// A word for why, with a hint below that turns into an alert when it is missing.

import { useId } from 'react'
import { useI18n } from '../i18n/i18n'

interface Props {
  reason: string
  onReason(reason: string): void
  /** Somebody wanted to go on without it. */
  missing: boolean
  hint: string
}

export function ReasonField({ reason, onReason, missing, hint }: Props) {
  const { t } = useI18n()
  const id = useId()
  return (
    <>
      <label htmlFor={id}>{t('command.reason')}</label>
      <input
        id={id}
        value={reason}
        maxLength={500}
        onChange={(event) => onReason(event.target.value)}
        aria-invalid={missing}
        aria-describedby={`${id}-hint`}
        autoComplete="off"
      />
      <p id={`${id}-hint`} className={missing ? 'fault' : 'faint'} role={missing ? 'alert' : undefined}>
        {hint}
      </p>
    </>
  )
}
