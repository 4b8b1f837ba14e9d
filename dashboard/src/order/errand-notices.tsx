// What became of my commands, wherever I am now.

import { useEffect } from 'react'
import { Link } from 'wouter'
import { useI18n } from '../i18n/i18n'
import { useBackend, useStore } from '../session/use-backend'
import { Notice } from '../ui/notice'
import { ProblemNotice } from '../ui/problem-notice'
import { type Errand, mayRepeat } from './errands'

const PRAISE_MS = 5000

export function ErrandNotices() {
  const { errands } = useBackend()
  const all = useStore(errands.all)
  return (
    <aside className="notices">
      {all.map((errand) => (
        <ErrandNotice key={errand.command.key} errand={errand} />
      ))}
    </aside>
  )
}

function ErrandNotice({ errand }: { errand: Errand }) {
  const { phase } = errand
  if (phase.kind === 'failed') return <Failed errand={errand} error={phase.error} />
  if (phase.kind === 'done') return <Done errand={errand} alreadyDone={phase.alreadyDone} />
  return phase.waiting ? <Waits errand={errand} seconds={phase.waiting.seconds} /> : null
}

function Waits({ errand, seconds }: { errand: Errand; seconds: number }) {
  const { t } = useI18n()
  const { errands } = useBackend()
  return (
    <Notice kind="warning">
      <Which errand={errand} />
      <p>{t('command.waiting', { seconds })}</p>
      <button type="button" onClick={() => errands.stop(errand)}>
        {t('command.stop')}
      </button>
    </Notice>
  )
}

function Done({ errand, alreadyDone }: { errand: Errand; alreadyDone: boolean }) {
  const { t } = useI18n()
  const { errands } = useBackend()
  useEffect(() => {
    const timer = setTimeout(() => errands.dismiss(errand), PRAISE_MS)
    return () => clearTimeout(timer)
  }, [errands, errand])
  const done = t(`done.${errand.command.kind}`)
  return (
    <Notice kind="done">
      <Which errand={errand} />
      <p>{alreadyDone ? t('done.before', { done }) : done}</p>
    </Notice>
  )
}

function Failed({ errand, error }: { errand: Errand; error: unknown }) {
  const { t } = useI18n()
  const { errands } = useBackend()
  return (
    <ProblemNotice
      error={error}
      title={t('problem.refused', { command: t(`command.${errand.command.kind}`) })}
      about={<Which errand={errand} />}
    >
      <div className="buttons">
        {mayRepeat(error) && (
          <button type="button" onClick={() => errands.again(errand)}>
            {t('command.again')}
          </button>
        )}
        <button type="button" onClick={() => errands.dismiss(errand)}>
          {t('command.dismiss')}
        </button>
      </div>
    </ProblemNotice>
  )
}

function Which({ errand: { order } }: { errand: Errand }) {
  const { t } = useI18n()
  return <Link href={`/orders/${order.order_id}`}>{t('order.title', { external: order.external_id })}</Link>
}
