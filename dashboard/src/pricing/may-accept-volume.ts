// Who sees that a model's upper volume can be accepted. The server decides.

import type { OrderView } from '../api/types'
import type { Role } from '../session/token'

/** The code under which pricing says that bounds of the volume are too far apart to choose by itself. */
const NEEDS_A_PERSON = 'needs_a_person'

export function mayAcceptVolume(
  me: { role: Role },
  { status, pricing, spec }: Pick<OrderView, 'status' | 'pricing' | 'spec'>,
): boolean {
  const asks = pricing?.state === 'failed' && pricing.code === NEEDS_A_PERSON
  return asks && !!spec && status === 'SUBMITTED' && ['seller', 'admin'].includes(me.role)
}
