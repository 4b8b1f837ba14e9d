// What grams of pure metals cost: what holds, what waits for a person, and what was before.

import { useQuery } from '@tanstack/react-query'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { ReadProblem } from '../ui/read-problem'
import { useTitle } from '../ui/use-title'
import { byMetal } from './by-metal'
import { FixingForm } from './fixing-form'
import { MetalPanel } from './metal-panel'

/** Prices of metals change without an event of the board. */
const ASK_EVERY_MS = 15_000
/** Of the first price; later ones are in the currency of those before. */
const USUAL_CURRENCY = 'RUB'

export function MetalsPage() {
  const { t } = useI18n()
  const { session } = useBackend()
  useTitle(t('metals.title'))
  if (session.role !== 'admin') {
    return <p className="faint pad">{t('metals.only-admins', { role: t(`role.${session.role}`) })}</p>
  }
  return <Metals />
}

function Metals() {
  const { t } = useI18n()
  const { reads } = useBackend()
  const metals = useQuery({
    queryKey: ['metals'],
    queryFn: ({ signal }) => reads.metals(signal),
    refetchInterval: ASK_EVERY_MS,
  })
  return (
    <div className="quotes">
      <h1>{t('metals.title')}</h1>
      <ReadProblem of={metals} />
      {metals.isPending && <p className="faint pad">{t('board.loading')}</p>}
      {metals.data?.fixings.length === 0 && <p className="faint pad">{t('metals.none')}</p>}
      {metals.data && byMetal(metals.data).map((each) => <MetalPanel key={each.metal} prices={each} />)}
      {metals.data && <FixingForm currency={metals.data.fixings[0]?.currency ?? USUAL_CURRENCY} />}
    </div>
  )
}
