// One request: who asks, what the least acceptable position is, and what the answer says of itself.

import { type FreshnessStore, note } from './freshness'
import { later, parsePosition } from './position'
import { ApiError, parseProblem, unreachable } from './problem'
import { type Store, store } from './store'

export interface Http {
  read<T>(path: string, signal?: AbortSignal): Promise<T>
  command<T extends { position?: string }>(path: string, key: string, body: object): Promise<T>
  /** A file, as it is. */
  upload<T>(path: string, file: Blob, signal?: AbortSignal): Promise<T>
  /** The raw answer, for the live stream; throws problems like the others. */
  stream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response>
  /** The position of the latest change of our own: reads are not served from behind it. */
  floor: Store<string | null>
}

export interface HttpOptions {
  token: string
  writeUrl: () => Promise<string>
  freshness: FreshnessStore
  /** The server does not know us (any more). */
  onUnauthorized: (error: ApiError) => void
  fetch?: typeof fetch
}

const READ_TIMEOUT_MS = 15_000
const COMMAND_TIMEOUT_MS = 20_000
const UPLOAD_TIMEOUT_MS = 600_000

export function http(options: HttpOptions): Http {
  const floor = store<string | null>(null)
  const send = options.fetch ?? fetch.bind(globalThis)

  async function answer(url: string, init: RequestInit): Promise<Response> {
    const headers = { ...init.headers, Authorization: `Bearer ${options.token}` }
    let response: Response
    try {
      response = await send(url, { ...init, headers })
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error
      throw unreachable()
    }
    if (response.ok) return response
    const body = await response.text().catch(() => '')
    const retryAfter = response.headers.get('Retry-After')
    const error = new ApiError(parseProblem(response.status, retryAfter, body, Date.now()))
    if (response.status === 401) options.onUnauthorized(error)
    throw error
  }

  /** An old epoch's floor can never be reached: the reader's new life of the log ends it. */
  function lowerFloor(position: string | null) {
    const [reader, wanted] = [parsePosition(position), parsePosition(floor.get())]
    if (reader && wanted && reader.epoch > wanted.epoch) floor.set(null)
  }

  const writeBase = () => options.writeUrl().catch(() => Promise.reject(unreachable()))

  return {
    floor,

    async read<T>(path: string, signal?: AbortSignal): Promise<T> {
      const wanted = floor.get()
      const headers: Record<string, string> = { Accept: 'application/json' }
      if (wanted) headers['MES-Min-Position'] = wanted
      const response = await answer(path, { headers, signal: within(READ_TIMEOUT_MS, signal) })
      const said = await response.json()
      const position = response.headers.get('MES-Position') ?? said.position ?? null
      lowerFloor(position)
      note(
        options.freshness,
        {
          position,
          // The body may be an old one that still holds; until when, the header says.
          as_of: response.headers.get('MES-As-Of') ?? said.as_of,
          stale: response.headers.get('MES-Stale'),
          date: response.headers.get('Date'),
        },
        Date.now(),
      )
      return { ...said, position }
    },

    async command<T extends { position?: string }>(path: string, key: string, body: object): Promise<T> {
      const response = await answer((await writeBase()) + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify(body),
        signal: within(COMMAND_TIMEOUT_MS),
      })
      const said: T = await response.json()
      floor.set(later(floor.get(), said.position ?? null))
      return said
    },

    async upload<T>(path: string, file: Blob, signal?: AbortSignal): Promise<T> {
      const response = await answer((await writeBase()) + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/octet-stream', Accept: 'application/json' },
        body: file,
        signal: within(UPLOAD_TIMEOUT_MS, signal),
      })
      return response.json()
    },

    stream(path, headers, signal) {
      return answer(path, { headers: { ...headers, Accept: 'text/event-stream' }, signal, cache: 'no-store' })
    },
  }
}

function within(ms: number, signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(ms)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}
