// Why there is no price, in the reader's words. Codes are the contract; the server's prose is the last resort.

import { hasKey, type Translate } from '../i18n/text'

export function troubleText(code: string, reason: string, t: Translate): string {
  const key = `trouble.${code.replaceAll('_', '-')}`
  return hasKey(key) ? t(key) : reason
}
