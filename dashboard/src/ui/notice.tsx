// A sentence that somebody should see.

import type { ReactNode } from 'react'

export function Notice({
  kind,
  children,
}: {
  kind: 'info' | 'warning' | 'error' | 'done'
  children: ReactNode
}) {
  return (
    <div className="notice" data-kind={kind} role={kind === 'error' ? 'alert' : 'status'}>
      {children}
    </div>
  )
}
