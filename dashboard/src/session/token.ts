// Who a token says we are. The server checks its signature; we only read it, to show a name and the right buttons.

export type Role = 'operator' | 'seller' | 'admin' | 'partner'

export interface Session {
  token: string
  id: string
  name: string
  role: Role
  /** Milliseconds since 1970, or null when the token does not end by itself. */
  expiresAt: number | null
}

export type TokenFault = 'empty' | 'malformed' | 'unknown-role' | 'expired'

const ROLES: readonly string[] = ['operator', 'seller', 'admin']

export function readToken(text: string, now: number): Session | TokenFault {
  const token = bare(text)
  if (token === '') return 'empty'
  if (token.startsWith('mes_')) return { token, id: '', name: '', role: 'partner', expiresAt: null }
  const claims = claimsOf(token)
  if (!claims) return 'malformed'
  const { sub, name, role, exp } = claims
  if (typeof sub !== 'string') return 'malformed'
  if (typeof role !== 'string' || !ROLES.includes(role)) return 'unknown-role'
  const expiresAt = typeof exp === 'number' ? exp * 1000 : null
  if (expiresAt !== null && expiresAt <= now) return 'expired'
  return { token, id: sub, name: typeof name === 'string' ? name : sub, role: role as Role, expiresAt }
}

/** People paste what they see: a whole address, a header, quotes and line breaks. */
function bare(text: string): string {
  const pasted = /[#&?]token=([^&\s]+)/.exec(text)?.[1] ?? text
  return pasted.replace(/^\s*bearer\s+/i, '').replace(/["'\s]/g, '')
}

function claimsOf(token: string): Record<string, unknown> | null {
  const payload = token.split('.')
  if (payload.length !== 3) return null
  try {
    const base64 = (payload[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : null
  } catch {
    return null
  }
}
