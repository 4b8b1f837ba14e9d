import { describe, expect, test } from 'vitest'
import { readLive } from '../src/api/live-messages'
import { sseParser } from '../src/api/sse'
import { row } from './rows'

const STREAM =
  'retry: 2000\n\n: hello\n\nevent: order\nid: 1-7\ndata: {"a":1}\n\nevent: heartbeat\ndata: {}\n\n'

describe('the parser', () => {
  test('reads events whole', () => {
    const parser = sseParser()
    expect(parser.push(STREAM)).toEqual([
      { event: 'order', id: '1-7', data: '{"a":1}' },
      { event: 'heartbeat', id: '1-7', data: '{}' },
    ])
    expect(parser.retry).toBe(2000)
  })

  test('reads the same however the stream is cut, with any line ends', () => {
    for (const text of [STREAM, STREAM.replaceAll('\n', '\r\n'), STREAM.replaceAll('\n', '\r')]) {
      const whole = sseParser().push(`${text}\n`)
      for (let size = 1; size < 9; size += 1) {
        const parser = sseParser()
        const pieces = `${text}\n`.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
        expect(pieces.flatMap((piece) => parser.push(piece))).toEqual(whole)
      }
      expect(whole).toHaveLength(2)
    }
  })

  test('joins several data lines and drops an unfinished event', () => {
    const parser = sseParser()
    expect(parser.push('data: a\ndata:b\n\ndata: half')).toEqual([
      { event: 'message', id: null, data: 'a\nb' },
    ])
  })

  test('an event without data is none', () => {
    expect(sseParser().push('event: order\n\n')).toEqual([])
  })
})

describe('live messages', () => {
  const order = row('a', 'SUBMITTED', 3, 1)

  test('a row comes with the position of its event', () => {
    const event = { event: 'order', id: '1-7', data: JSON.stringify(order) }
    expect(readLive(event)).toEqual({ kind: 'order', row: order, position: '1-7' })
  })

  test('a row may be wrapped', () => {
    const event = { event: 'order', id: '1-7', data: JSON.stringify({ order, position: '1-6' }) }
    expect(readLive(event)).toEqual({ kind: 'order', row: order, position: '1-6' })
  })

  test('what is not known or not JSON is passed over', () => {
    expect(readLive({ event: 'weather', id: '1-7', data: '{}' })).toBeNull()
    expect(readLive({ event: 'order', id: '1-7', data: 'oops' })).toBeNull()
    expect(readLive({ event: 'order', id: '1-7', data: '{}' })).toBeNull()
  })
})
