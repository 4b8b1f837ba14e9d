// Who I am, and the way out.

import { useI18n } from '../i18n/i18n'
import { useSessions } from './session'
import type { Session } from './token'

export function Who({ session }: { session: Session }) {
  const { t } = useI18n()
  const { signOut } = useSessions()
  return (
    <div className="who">
      <span className="who-name">
        <strong>{session.name || t('who.api-key')}</strong>
        <span className="faint">{t(`role.${session.role}`)}</span>
      </span>
      <button type="button" className="quiet" onClick={() => signOut({ kind: 'signed-out' })}>
        {t('sign-out')}
      </button>
    </div>
  )
}
