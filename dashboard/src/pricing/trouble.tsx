// Why there is no price, and what the server says of it beyond our sentence.

import { useI18n } from '../i18n/i18n'
import { troubleText } from './trouble-text'

export function Trouble({ code, reason }: { code: string; reason: string }) {
  const { t } = useI18n()
  const said = troubleText(code, reason, t)
  return (
    <>
      <p className="fault">{said}</p>
      {said !== reason && <p className="faint">{t('problem.server-said', { detail: reason })}</p>}
    </>
  )
}
