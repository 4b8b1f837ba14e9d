// A question that could not be answered: in the way while there is nothing to show, a line when there is.

import { useI18n } from '../i18n/i18n'
import { Notice } from './notice'
import { ProblemNotice } from './problem-notice'

interface Asked {
  error: unknown
  data: unknown
  refetch(): unknown
}

export function ReadProblem({ of }: { of: Asked }) {
  const { t } = useI18n()
  if (!of.error) return null
  if (of.data) return <Notice kind="warning">{t('problem.not-renewed')}</Notice>
  return (
    <ProblemNotice error={of.error}>
      <button type="button" onClick={() => of.refetch()}>
        {t('problem.retry')}
      </button>
    </ProblemNotice>
  )
}
