// Who did it.

import type { Actor } from '../api/types'
import { useI18n } from '../i18n/i18n'
import type { Translate } from '../i18n/text'

export function actorText(actor: Actor, t: Translate): string {
  switch (actor.role) {
    case 'operator':
    case 'seller':
    case 'admin':
      return `${actor.name} (${t(`role.${actor.role}`)})`
    case 'system':
      return `${t('role.system')}: ${actor.component}`
    default:
      return t(`role.${actor.role}`)
  }
}

export function ActorName({ actor }: { actor: Actor }) {
  const { t } = useI18n()
  return <span>{actorText(actor, t)}</span>
}
