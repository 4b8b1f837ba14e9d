// The model as it was measured, and whether its volume is a fact.

import type { ModelMeasured } from '../api/pricing-types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'
import { troubleText } from '../pricing/trouble-text'
import { Fact } from '../ui/fact'

export function ModelPanel({ model }: { model: ModelMeasured }) {
  const { t, f } = useI18n()
  const { volume_mm3: volume, area_mm2: area, bbox_mm: box, standing } = model
  return (
    <section className="panel" aria-labelledby="model">
      <h2 id="model">{t('model.title')}</h2>
      <dl className="facts">
        {standing && <Fact name="model.standing">{named(t, `model.standing.${standing}`, standing)}</Fact>}
        {volume !== null && standing === 'exact' && (
          <Fact name="model.volume">
            {f.decimal(volume / 1000)} {t('price.unit.cm3')}
          </Fact>
        )}
        {model.low_mm3 !== null && model.high_mm3 !== null && (
          <Fact name="model.volume">
            {f.decimal(model.low_mm3 / 1000)} – {f.decimal(model.high_mm3 / 1000)} {t('price.unit.cm3')}
          </Fact>
        )}
        {area !== null && (
          <Fact name="model.area">
            {f.decimal(area / 100)} {t('price.unit.cm2')}
          </Fact>
        )}
        {box && (
          <Fact name="model.box">
            {box.map((side) => f.decimal(Math.round(side * 100) / 100)).join(' × ')} {t('price.unit.mm')}
          </Fact>
        )}
        <Fact name="model.facets">{f.number(model.facets)}</Fact>
        {model.vertices !== null && <Fact name="model.vertices">{f.number(model.vertices)}</Fact>}
        {model.shells !== null && <Fact name="model.shells">{f.number(model.shells)}</Fact>}
        {model.format && <Fact name="model.format">{model.format}</Fact>}
        {model.counts.map(({ name, count }) => (
          <Fact key={name} name={`model.count.${name}`}>
            {f.number(count)}
          </Fact>
        ))}
      </dl>
      {model.verdict && standing !== 'exact' && (
        <p className={standing === 'refused' ? 'fault' : undefined}>
          {troubleText(model.verdict, model.verdict, t)}
        </p>
      )}
    </section>
  )
}
