// A price that jumped: it holds once a person says that it is right.

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { persist } from '../api/commands'
import type { FixingAnswer, MetalFixing } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { mayRepeat } from '../order/errands'
import { useBackend } from '../session/use-backend'
import { Notice } from '../ui/notice'
import { ProblemNotice } from '../ui/problem-notice'
import { Moment } from '../ui/time'
import { Change, PricePerGram } from './price-per-gram'

type Decision = 'confirm' | 'reject'

export function WaitingPrice({ fixing, holds }: { fixing: MetalFixing; holds: MetalFixing | null }) {
  const { t } = useI18n()
  const decide = useDecision(fixing.fixing_id)
  const press = (decision: Decision) =>
    decide.isPending || decide.mutate({ decision, key: crypto.randomUUID() })
  return (
    <Notice kind="warning">
      <strong>{t('metals.waits')}</strong>
      <p>
        <PricePerGram fixing={fixing} /> {holds && <Change fixing={fixing} />}
      </p>
      <p>
        {fixing.source}, <Moment at={fixing.observed_at} />
      </p>
      {fixing.reason && <p>{named(t, `metals.reason.${fixing.reason}`, fixing.reason)}</p>}
      <div className="buttons">
        <button type="button" aria-disabled={decide.isPending} onClick={() => press('confirm')}>
          {t('metals.confirm')}
        </button>
        <button
          type="button"
          className="danger"
          aria-disabled={decide.isPending}
          onClick={() => press('reject')}
        >
          {t('metals.reject')}
        </button>
      </div>
      {decide.error && (
        <ProblemNotice error={decide.error}>
          {mayRepeat(decide.error) && (
            <button type="button" onClick={() => decide.mutate(decide.variables)}>
              {t('command.again')}
            </button>
          )}
        </ProblemNotice>
      )}
    </Notice>
  )
}

function useDecision(fixingId: number) {
  const { http } = useBackend()
  const queries = useQueryClient()
  return useMutation({
    networkMode: 'always',
    mutationFn: ({ decision, key }: { decision: Decision; key: string }) => {
      const path = `/v1/metal-fixings/${fixingId}/${decision}`
      return persist(() => http.command<FixingAnswer & { position?: string }>(path, key, {}))
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['metals'] }),
  })
}
