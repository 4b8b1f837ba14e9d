// How long to wait before the next try.

const FIRST_MS = 500
const LONGEST_MS = 15_000

/**
 * Doubles from half a second up to a quarter of a minute, shortened by chance so that a hundred dashboards do not
 * come back in the same instant. What the server asked for is the least.
 */
export function backoff(failures: number, retryAfter: number | null = null, chance = Math.random()): number {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1))
  const wait = most / 2 + (most / 2) * chance
  return Math.max(wait, (retryAfter ?? 0) * 1000)
}

/** Waits, unless told to stop. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
