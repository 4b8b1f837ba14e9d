// Server-sent events from a byte stream that `fetch` delivers: EventSource cannot send an Authorization header.

export interface ServerEvent {
  event: string
  data: string
  id: string | null
}

export interface SseParser {
  /** Takes the next piece of text, however it was cut, and returns the events that it completes. */
  push(chunk: string): ServerEvent[]
  /** Milliseconds to wait before reconnecting, if the server named them. */
  readonly retry: number | null
}

export function sseParser(): SseParser {
  let rest = ''
  let data: string[] = []
  let event = ''
  let id: string | null = null
  let retry: number | null = null

  function field(line: string) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') data.push(value)
    else if (name === 'event') event = value
    else if (name === 'id' && !value.includes('\0')) id = value
    else if (name === 'retry' && /^\d+$/.test(value)) retry = Number(value)
  }

  function dispatch(): ServerEvent[] {
    const complete = data.length > 0 ? [{ event: event || 'message', data: data.join('\n'), id }] : []
    data = []
    event = ''
    return complete
  }

  return {
    push(chunk) {
      // A lone CR at the end may be half of a CRLF: it waits for the next piece.
      const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      return lines.flatMap((line) => {
        if (line === '') return dispatch()
        if (!line.startsWith(':')) field(line)
        return []
      })
    },
    get retry() {
      return retry
    },
  }
}
