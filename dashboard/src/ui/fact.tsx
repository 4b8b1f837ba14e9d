// A name and its value, in a list of such.

import type { ReactNode } from 'react'
import { useI18n } from '../i18n/i18n'
import type { Key } from '../i18n/text'

export function Fact({ name, children }: { name: Key; children: ReactNode }) {
  const { t } = useI18n()
  return (
    <div className="fact">
      <dt>{t(name)}</dt>
      <dd>{children}</dd>
    </div>
  )
}
