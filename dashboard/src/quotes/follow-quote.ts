// The stream of one quote: it says what holds, tells what changes, and ends with the answer.

import type { Http } from '../api/http'
import { type ServerEvent, sseParser } from '../api/sse'
import type { Quote } from '../api/types'

/** Returns when the stream ends, with the answer or without. */
export async function followQuote(
  http: Pick<Http, 'stream'>,
  quoteId: string,
  onQuote: (quote: Quote) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await http.stream(`v1/quotes/${encodeURIComponent(quoteId)}/events`, {}, signal)
  if (!response.body) return
  const parser = sseParser()
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    for (const event of parser.push(value)) {
      const quote = quoteOf(event)
      if (quote) onQuote(quote)
    }
  }
}

/** `null` for what is not about the quote, such as the advice to come again. */
function quoteOf({ data }: ServerEvent): Quote | null {
  try {
    const said = JSON.parse(data)
    return typeof said?.quote_id === 'string' ? said : null
  } catch {
    return null
  }
}
