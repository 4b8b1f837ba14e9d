// What a person at the bench would say about the model.

import { type Finding, type Measures, type Report, SEVERITIES } from '../api/pricing-types'
import { useI18n } from '../i18n/i18n'
import { FindingItem } from './finding'

export function ReportPanel({ report }: { report: Report }) {
  const { t } = useI18n()
  return (
    <section className="panel" aria-labelledby="report">
      <h2 id="report">{t('report.title')}</h2>
      {report.findings.length === 0 ? (
        <p className="faint">{t('report.nothing')}</p>
      ) : (
        <ul className="findings">
          {worstFirst(report.findings).map((finding, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a report never changes, and codes may repeat
            <FindingItem key={index} finding={finding} />
          ))}
        </ul>
      )}
      <MeasuresLine measures={report.measures} />
    </section>
  )
}

/** The engine sorts them, too; a report that was kept by an older one may be in another order. */
function worstFirst(findings: Finding[]): Finding[] {
  const rank = ({ severity }: Finding) => SEVERITIES.indexOf(severity)
  return [...findings].sort((a, b) => rank(a) - rank(b))
}

function MeasuresLine({ measures }: { measures: Measures }) {
  const { t, f } = useI18n()
  const mm = (value: number) => `${f.measure(value)} ${t('price.unit.mm')}`
  const { oriented_extents_mm: extents, shadow_mm2: shadow, thinnest_mm, median_mm } = measures
  const parts = [
    thinnest_mm !== null && `${t('report.thinnest')}: ${mm(thinnest_mm)}`,
    median_mm !== null && `${t('report.usual-wall')}: ${mm(median_mm)}`,
    extents && `${t('report.turned')}: ${extents.map(f.measure).join(' × ')} ${t('price.unit.mm')}`,
    shadow && `${t('report.shadow')}: ${shadow.map(f.measure).join(' / ')} ${t('report.unit.mm2')}`,
  ].filter((part) => typeof part === 'string')
  return parts.length > 0 ? <p className="faint">{parts.join('. ')}.</p> : null
}
