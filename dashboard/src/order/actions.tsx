// The buttons for what I may do with an order, and what comes of pressing them.

import { useState } from 'react'
import type { BoardRow, CommandKind, OrderView } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { useBackend } from '../session/use-backend'
import { actionsFor, asksFor } from './allowed'
import { AskDialog } from './ask-dialog'
import { CommandOutcome } from './command-outcome'
import { useCommand } from './use-command'

const DANGEROUS: CommandKind[] = ['cancel', 'rework', 'give-back']

export function Actions({ order, only }: { order: BoardRow | OrderView; only?: 'first' }) {
  const { t } = useI18n()
  const { session } = useBackend()
  const command = useCommand(order)
  const [asking, setAsking] = useState<CommandKind | null>(null)
  const all = actionsFor(session, order)
  // In a list only the step forward: what ends or undoes work is decided on the card.
  const shown = only ? all.slice(0, 1).filter((kind) => !DANGEROUS.includes(kind)) : all
  const sending = command.phase.kind === 'sending'

  function press(kind: CommandKind) {
    if (asksFor(kind)) setAsking(kind)
    else void command.send(kind)
  }

  return (
    <div className="actions">
      {shown.length > 0 && (
        <div className="buttons">
          {shown.map((kind, index) => (
            <button
              key={kind}
              type="button"
              className={DANGEROUS.includes(kind) ? 'danger' : index === 0 ? 'primary' : undefined}
              disabled={sending}
              onClick={() => press(kind)}
            >
              {t(`command.${kind}`)}
            </button>
          ))}
        </div>
      )}
      {!only && shown.length === 0 && <p className="faint">{t('command.none')}</p>}
      <CommandOutcome command={command} />
      {asking && (
        <AskDialog
          kind={asking}
          externalId={order.external_id}
          onAbandon={() => setAsking(null)}
          onAnswer={(said) => {
            setAsking(null)
            void command.send(asking, said)
          }}
        />
      )}
    </div>
  )
}
