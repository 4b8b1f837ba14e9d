// Where a quote that somebody names is found: an id leads to it, anything else is what it was called.

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** `null` for nothing. */
export function addressOf(text: string): string | null {
  const said = text.trim()
  if (said === '') return null
  return ID.test(said) ? `/quotes/${said.toLowerCase()}` : `/quotes/find/${encodeURIComponent(said)}`
}
