// How long a read waits before it is tried again.

import { backoff } from './backoff'
import { ApiError } from './problem'

export function backoffMs(failures: number, error: Error): number {
  return backoff(failures + 1, error instanceof ApiError ? error.problem.retryAfter : null)
}
