// What became of a command.

import { useEffect } from 'react'
import { ApiError, isTemporary } from '../api/problem'
import { useI18n } from '../i18n/i18n'
import { Notice } from '../ui/notice'
import { ProblemNotice } from '../ui/problem-notice'
import type { UseCommand } from './use-command'

const PRAISE_MS = 4000

export function CommandOutcome({ command }: { command: UseCommand }) {
  const { t } = useI18n()
  const { phase, dismiss } = command
  useEffect(() => {
    if (phase.kind !== 'done') return
    const timer = setTimeout(dismiss, PRAISE_MS)
    return () => clearTimeout(timer)
  }, [phase.kind, dismiss])

  if (phase.kind === 'idle') return null
  const name = t(`command.${phase.command.kind}`)
  if (phase.kind === 'sending') {
    if (!phase.waiting) return <p className="faint">{t('command.sending')}</p>
    return (
      <Notice kind="warning">
        {t('command.waiting', { seconds: phase.waiting.seconds })}
        <button type="button" onClick={command.stop}>
          {t('command.stop')}
        </button>
      </Notice>
    )
  }
  if (phase.kind === 'done') {
    const key = phase.alreadyDone ? 'command.already-done' : 'command.done'
    return <Notice kind="done">{t(key, { command: name })}</Notice>
  }
  const { error } = phase
  const again = error instanceof ApiError && (isTemporary(error.problem) || error.problem.status >= 500)
  return (
    <ProblemNotice error={error} title={t('problem.refused', { command: name })}>
      <div className="buttons">
        {again && (
          <button type="button" onClick={command.again}>
            {t('command.again')}
          </button>
        )}
        <button type="button" onClick={dismiss}>
          {t('command.dismiss')}
        </button>
      </div>
    </ProblemNotice>
  )
}
