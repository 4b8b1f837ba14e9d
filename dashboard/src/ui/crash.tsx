// A mistake of ours must not leave a white page.

import { Component, type ReactNode } from 'react'
import { useI18n } from '../i18n/i18n'
import { Notice } from './notice'

export class CrashGuard extends Component<{ children: ReactNode }, { crashed: boolean }> {
  override state = { crashed: false }

  static getDerivedStateFromError() {
    return { crashed: true }
  }

  override render() {
    return this.state.crashed ? <Crashed /> : this.props.children
  }
}

function Crashed() {
  const { t } = useI18n()
  return (
    <Notice kind="error">
      <p>{t('problem.crash')}</p>
      <button type="button" onClick={() => location.reload()}>
        {t('problem.reload')}
      </button>
    </Notice>
  )
}
