// What went wrong and what can be done about it.

import type { ReactNode } from 'react'
import { ApiError } from '../api/problem'
import { useI18n } from '../i18n/i18n'
import { allowedText, furtherWords, problemText } from '../i18n/problem-text'
import { Notice } from './notice'

export function ProblemNotice({
  error,
  title,
  about,
  children,
}: {
  error: unknown
  title?: string
  about?: ReactNode
  children?: ReactNode
}) {
  const { t, f } = useI18n()
  if (!(error instanceof ApiError)) {
    return (
      <Notice kind="error">
        {about}
        <strong>{title ?? t('problem.failed')}</strong>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        {children}
      </Notice>
    )
  }
  const { problem } = error
  const said = problemText(problem, t, f)
  const allowed = allowedText(problem, t)
  const server = furtherWords(problem, said)
  return (
    <Notice kind="error">
      {about}
      <strong>{title ?? t('problem.failed')}</strong>
      <p>{said}</p>
      {allowed && <p>{allowed}</p>}
      {server && <p className="faint">{t('problem.server-said', { detail: server })}</p>}
      {problem.violations?.map((violation) => (
        <p key={violation.field}>
          <code>{violation.field}</code> {violation.message}
        </p>
      ))}
      {problem.trace_id && <p className="faint mono">{t('problem.trace', { trace: problem.trace_id })}</p>}
      {children}
    </Notice>
  )
}
