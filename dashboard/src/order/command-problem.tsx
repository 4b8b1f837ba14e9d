// What went wrong with a command, and the same one again, under its key, where that can help.

import type { UseMutationResult } from '@tanstack/react-query'
import { useI18n } from '../i18n/i18n'
import { ProblemNotice } from '../ui/problem-notice'
import { mayRepeat } from './errands'

export function CommandProblem<Data, Wish>({ command }: { command: UseMutationResult<Data, Error, Wish> }) {
  const { t } = useI18n()
  if (!command.error) return null
  return (
    <ProblemNotice error={command.error}>
      {mayRepeat(command.error) && (
        <button type="button" onClick={() => command.mutate(command.variables)}>
          {t('command.again')}
        </button>
      )}
    </ProblemNotice>
  )
}
