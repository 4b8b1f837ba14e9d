// Which language: the one chosen here before, else the browser's, else English.

import type { Language } from './format'

const KEY = 'mes.language'

export function preferredLanguage(saved: string | null, browser: readonly string[]): Language {
  if (saved === 'en' || saved === 'ru') return saved
  const first = browser.find((tag) => /^(en|ru)\b/i.test(tag))
  return first?.toLowerCase().startsWith('ru') ? 'ru' : 'en'
}

export function initialLanguage(): Language {
  return preferredLanguage(localStorage.getItem(KEY), navigator.languages)
}

export function rememberLanguage(language: Language) {
  localStorage.setItem(KEY, language)
}
