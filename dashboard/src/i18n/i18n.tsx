// The language for everything below, and the switch.

import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react'
import { type Formats, formats, type Language } from './format'
import { initialLanguage, rememberLanguage } from './language'
import { type Translate, translator } from './text'

interface I18n {
  language: Language
  t: Translate
  f: Formats
  speak(language: Language): void
}

const Context = createContext<I18n | null>(null)

export function I18nProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(initialLanguage)
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const value = useMemo<I18n>(
    () => ({
      language,
      t: translator(language),
      f: formats(language),
      speak(next) {
        rememberLanguage(next)
        setLanguage(next)
      },
    }),
    [language],
  )
  return <Context value={value}>{children}</Context>
}

export function useI18n(): I18n {
  const i18n = use(Context)
  if (!i18n) throw new Error('useI18n outside I18nProvider')
  return i18n
}

export function LanguageSwitch() {
  const { language, speak, t } = useI18n()
  const other: Language = language === 'en' ? 'ru' : 'en'
  return (
    <button type="button" className="quiet" lang={other} onClick={() => speak(other)}>
      {t('language.other')}
    </button>
  )
}
