// Numbers and ids that people carry elsewhere.

import { useState } from 'react'
import { useI18n } from '../i18n/i18n'

export function Copyable({ text }: { text: string }) {
  const { t } = useI18n()
  const { copied, copy } = useCopy(text)
  return (
    <span className="copyable">
      <span className="mono">{text}</span>
      <button type="button" className="quiet small" onClick={copy} aria-label={`${t('copy')} ${text}`}>
        {copied ? t('copied') : t('copy')}
      </button>
    </span>
  )
}

/** The end of a trace's id: its beginning is the time, and the same for all steps of an hour. */
export function TraceId({ id }: { id: string }) {
  const { t } = useI18n()
  const { copied, copy } = useCopy(id)
  const name = t('timeline.trace', { trace: id })
  return (
    <button
      type="button"
      className="quiet small mono trace"
      onClick={copy}
      title={name}
      aria-label={`${t('copy')}: ${name}`}
    >
      {copied ? t('copied') : id.slice(-8)}
    </button>
  )
}

function useCopy(text: string) {
  const [copied, setCopied] = useState(false)
  async function copy() {
    // Without https the browser has no clipboard for us; the text can still be selected.
    await navigator.clipboard?.writeText(text)
    setCopied(navigator.clipboard !== undefined)
    setTimeout(() => setCopied(false), 1500)
  }
  return { copied, copy }
}
