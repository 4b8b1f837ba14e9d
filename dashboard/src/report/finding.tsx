// One finding: how bad, in words, by which numbers, for which materials.

import type { Finding, ReportNumber, Severity } from '../api/pricing-types'
import { useI18n } from '../i18n/i18n'
import { named } from '../i18n/text'

const MARK: Record<Severity, string> = { error: '×', warning: '!', info: 'i' }

export function FindingItem({ finding }: { finding: Finding }) {
  const { t, language } = useI18n()
  const { severity, materials, numbers } = finding
  const words = finding[language] || finding.en || finding.code
  return (
    <li className="finding" data-severity={severity}>
      <span className="status-mark" aria-hidden="true">
        {MARK[severity]}
      </span>
      <div>
        <p>
          <strong>{t(`report.severity.${severity}`)}.</strong> {words}
        </p>
        {numbers.length > 0 && (
          <p className="faint number">
            {numbers.map((number, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a report never changes
              <NumberText key={index} number={number} isLast={index === numbers.length - 1} />
            ))}
          </p>
        )}
        {materials.length > 0 && !materials.every((material) => words.includes(material)) && (
          <p className="faint">{t('report.materials', { materials: materials.join(', ') })}</p>
        )}
      </div>
    </li>
  )
}

function NumberText({ number, isLast }: { number: ReportNumber; isLast: boolean }) {
  const { t, f } = useI18n()
  const name = named(t, `report.number.${number.name.replaceAll('_', '-')}`, number.name.replaceAll('_', ' '))
  const unit = number.unit === 'count' ? '' : ` ${named(t, `report.unit.${number.unit}`, number.unit)}`
  return (
    <>
      {name} {f.measure(number.value)}
      {unit}
      {isLast ? null : ', '}
    </>
  )
}
