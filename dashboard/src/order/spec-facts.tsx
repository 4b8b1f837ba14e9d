// What is to be made.

import type { WorkSpec } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { useCalls } from '../pricelist/use-price-list'
import { Fact } from '../ui/fact'
import { stonesText } from './stones-text'

export function SpecFacts({ spec }: { spec: WorkSpec }) {
  const { t } = useI18n()
  const calls = useCalls()
  const { settings = [] } = spec
  return (
    <>
      <Fact name="order.material">{calls.material(spec.material)}</Fact>
      <Fact name="order.finish">{calls.finish(spec.finish)}</Fact>
      <Fact name="order.quantity">{t('row.pieces', { count: spec.quantity })}</Fact>
      <Fact name="order.unit">{t(`unit.${spec.unit}`)}</Fact>
      {spec.rush && <Fact name="order.rush">{t('order.rush-yes')}</Fact>}
      {settings.length > 0 && <Fact name="order.stones">{stonesText(settings, calls)}</Fact>}
    </>
  )
}
