import { describe, expect, test } from 'vitest'
import { tokenFromAddress } from '../src/session/storage'
import { readToken } from '../src/session/token'

const NOW = Date.UTC(2026, 10, 22, 12)
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = (claims: object) => `${base64url({ alg: 'HS256' })}.${base64url(claims)}.signature`
const anna = { sub: 'a-1', name: 'Анна', role: 'operator', exp: NOW / 1000 + 60 }

describe('a token', () => {
  test('says who, in any alphabet, and until when', () => {
    expect(readToken(token(anna), NOW)).toMatchObject({
      id: 'a-1',
      name: 'Анна',
      role: 'operator',
      expiresAt: NOW + 60_000,
    })
  })

  test('may be pasted with what stood around it', () => {
    const plain = token(anna)
    for (const pasted of [`Bearer ${plain}`, `  "${plain}"\n`, `http://127.0.0.1:8080/#token=${plain}`]) {
      expect(readToken(pasted, NOW)).toMatchObject({ token: plain })
    }
  })

  test('that cannot be used is told why', () => {
    expect(readToken(' ', NOW)).toBe('empty')
    expect(readToken('hello', NOW)).toBe('malformed')
    expect(readToken('a.b.c', NOW)).toBe('malformed')
    expect(readToken(token({ ...anna, role: 'king' }), NOW)).toBe('unknown-role')
    expect(readToken(token({ ...anna, exp: NOW / 1000 }), NOW)).toBe('expired')
  })

  test('of a partner is a key, not a JWT', () => {
    expect(readToken('mes_secret', NOW)).toMatchObject({ role: 'partner', token: 'mes_secret' })
  })

  test('is found behind the address', () => {
    expect(tokenFromAddress('#token=a.b.c')).toBe('a.b.c')
    expect(tokenFromAddress('#/token=a.b.c&x=1')).toBe('a.b.c')
    expect(tokenFromAddress('#/board')).toBeNull()
  })
})
