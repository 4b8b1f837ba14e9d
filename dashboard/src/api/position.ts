// A place in the log, written `epoch-position`. Positions of different epochs do not compare.

export interface Position {
  epoch: number
  position: number
}

export function parsePosition(text: string | null | undefined): Position | null {
  const match = /^(\d+)-(\d+)$/.exec(text ?? '')
  return match ? { epoch: Number(match[1]), position: Number(match[2]) } : null
}

/**
 * Whether a reader that stands at `reader` has seen `wanted`.
 *
 * A reader in a later epoch (a promotion, a restore, a rebuild) knows nothing of the old numbers, but it will
 * never come back to them either: whatever was laid over the old life of the log has to go.
 */
export function covers(reader: string | null | undefined, wanted: string): boolean {
  const [stands, goal] = [parsePosition(reader), parsePosition(wanted)]
  if (!stands || !goal) return false
  return stands.epoch > goal.epoch || (stands.epoch === goal.epoch && stands.position >= goal.position)
}

/** The later of two positions; a later epoch wins. */
export function later(a: string | null, b: string | null): string | null {
  const [first, second] = [parsePosition(a), parsePosition(b)]
  if (!first) return second ? b : null
  if (!second) return a
  if (first.epoch !== second.epoch) return first.epoch > second.epoch ? a : b
  return first.position >= second.position ? a : b
}

/** The earlier of two positions. */
export function earlier(a: string, b: string): string {
  return later(a, b) === a ? b : a
}
