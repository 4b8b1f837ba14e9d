// The buttons for what I may do with an order.

import { useState } from 'react'
import type { BoardRow, OrderCommand, OrderView } from '../api/types'
import { useI18n } from '../i18n/i18n'
import { useBackend, useStore } from '../session/use-backend'
import { actionsFor, asksFor } from './allowed'
import { AskDialog } from './ask-dialog'
import { useKeptFocus } from './use-kept-focus'
import { useSettled } from './use-settled'

/** What undoes or ends work. */
const DANGEROUS: OrderCommand[] = ['cancel', 'rework', 'give-back']

export function Actions({ order, only }: { order: BoardRow | OrderView; only?: 'first' }) {
  const { t } = useI18n()
  const { session, errands } = useBackend()
  const settled = useSettled(order.version)
  const focus = useKeptFocus(order.version)
  const [asking, setAsking] = useState<OrderCommand | null>(null)
  const sending = useStore(errands.all).some(
    (errand) => errand.order.order_id === order.order_id && errand.phase.kind === 'sending',
  )
  // Not `disabled`, which would take the focus away.
  const busy = sending || !settled
  const all = actionsFor(session, order)
  // In a list only the step forward; the rest is decided on the card.
  const shown = only ? all.slice(0, 1).filter((kind) => !DANGEROUS.includes(kind)) : all
  if (shown.length === 0) return only ? null : <p className="faint">{t('command.none')}</p>

  function press(kind: OrderCommand) {
    if (busy) return
    if (asksFor(kind)) setAsking(kind)
    else void errands.send(order, kind)
  }

  return (
    <div className="buttons" {...focus}>
      {shown.map((kind, index) => (
        <button
          // The first button stays the same element, and keeps the focus, when it comes to mean the next step.
          key={index === 0 ? 'first' : kind}
          type="button"
          className={DANGEROUS.includes(kind) ? 'danger' : index === 0 ? 'primary' : undefined}
          aria-disabled={busy}
          onClick={() => press(kind)}
        >
          {t(`command.${kind}`)}
        </button>
      ))}
      {asking && (
        <AskDialog
          kind={asking}
          externalId={order.external_id}
          onClosed={() => setAsking(null)}
          onAnswer={(said) => void errands.send(order, asking, said)}
        />
      )}
    </div>
  )
}
