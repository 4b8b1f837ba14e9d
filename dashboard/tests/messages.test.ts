import { expect, test } from 'vitest'
import { asObject, readable } from '../src/messages/body'
import { settle } from '../src/messages/use-settle'

test('a body is shown as JSON, as text, or as it is', () => {
  expect(readable({ body_base64: 'e30=', decoded: { a: 1 } })).toBe('{\n  "a": 1\n}')
  expect(readable({ body_base64: btoa('oops'), decoded: null })).toBe('oops')
  expect(readable({ body_base64: '/wA=', decoded: null })).toBe('/wA=')
})

test('only an object is a message', () => {
  expect(asObject('{"id": "m-1"}')).toEqual({ id: 'm-1' })
  for (const text of ['', '[1]', 'null', '7', '{']) expect(asObject(text)).toBeNull()
})

test('a group is settled step by step, behind the last one each time', async () => {
  const answers = [
    { changed: 2, left: 1, last: 5 },
    { changed: 1, left: 0, last: 9 },
  ]
  const sent: unknown[] = []
  const http = {
    command: async <T>(path: string, key: string, body: object) => {
      sent.push([path, key, body])
      return answers[sent.length - 1] as T
    },
  }
  const done = await settle(http, { fingerprint: 'f' }, { fate: 'replay', key: 'k' })
  expect(done).toBe(3)
  expect(sent).toEqual([
    ['/v1/messages/replay', 'k-1', { fingerprint: 'f', reason: undefined, after: undefined }],
    ['/v1/messages/replay', 'k-2', { fingerprint: 'f', reason: undefined, after: 5 }],
  ])
})

test('a group of which nothing can be changed is no endless work', async () => {
  const http = { command: async <T>() => ({ changed: 0, left: 3 }) as T }
  expect(await settle(http, { fingerprint: 'f' }, { fate: 'discard', key: 'k', reason: 'why' })).toBe(0)
})
