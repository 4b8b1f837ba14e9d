// The bytes of a message, as people can read them.

import type { Message } from '../api/message-types'

/** JSON with lines, else text, else what it is in base64. */
export function readable(message: Pick<Message, 'body_base64' | 'decoded'>): string {
  if (message.decoded !== null && message.decoded !== undefined) {
    return JSON.stringify(message.decoded, null, 2)
  }
  const bytes = Uint8Array.from(atob(message.body_base64), (character) => character.charCodeAt(0))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return message.body_base64
  }
}

/** The object that somebody wrote, or nothing when it is none. */
export function asObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
