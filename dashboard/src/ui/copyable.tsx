// A number or an id that people carry elsewhere.

import { useState } from 'react'
import { useI18n } from '../i18n/i18n'

export function Copyable({ text }: { text: string }) {
  const { t } = useI18n()
  const [copied, setCopied] = useState(false)

  async function copy() {
    // Without https the browser has no clipboard for us; the text can still be selected.
    await navigator.clipboard?.writeText(text)
    setCopied(navigator.clipboard !== undefined)
    setTimeout(() => setCopied(false), 1500)
  }

  return (
    <span className="copyable">
      <span className="mono">{text}</span>
      <button type="button" className="quiet small" onClick={copy} aria-label={`${t('copy')} ${text}`}>
        {copied ? t('copied') : t('copy')}
      </button>
    </span>
  )
}
