import { describe, expect, test } from 'vitest'
import { persist } from '../src/api/commands'
import { ApiError } from '../src/api/problem'
import type { Quote, UploadedModel } from '../src/api/types'
import { addressOf } from '../src/quotes/address'
import { followQuote } from '../src/quotes/follow-quote'
import { sizeInMillimetres, usualUnit } from '../src/quotes/model-facts'
import { newest } from '../src/quotes/newest'
import { bodyOf, FIRST_WISH, faultsOf, type Wish } from '../src/quotes/wish'

const wish: Wish = { ...FIRST_WISH, material: 'silver-925', finish: ' polished ', quantity: '3' }

describe('a wish', () => {
  test('is sent without what was left empty', () => {
    expect(bodyOf(wish, 'm')).toEqual({
      model_id: 'm',
      unit: 'millimetre',
      material: 'silver-925',
      finish: 'polished',
      quantity: 3,
    })
    const more = { ...wish, reference: ' Ring ', rush: true, stones: [{ kind: 'pave', count: '24' }] }
    expect(bodyOf(more, 'm')).toMatchObject({
      reference: 'Ring',
      rush: true,
      settings: [{ kind: 'pave', count: 24 }],
    })
  })

  test('is not sent while something is missing', () => {
    expect(faultsOf(wish, 'm')).toEqual([])
    expect(faultsOf(FIRST_WISH, null)).toEqual(['model', 'material', 'finish'])
    for (const quantity of ['', '0', '1.5', '10001', '-1', '1e3', 'x']) {
      expect(faultsOf({ ...wish, quantity }, 'm'), quantity).toEqual(['quantity'])
    }
    expect(faultsOf({ ...wish, material: 'Silver 925' }, 'm')).toEqual(['material'])
  })

  test('names each kind of stones once', () => {
    const stones = (...kinds: string[]) => kinds.map((kind) => ({ kind, count: '1' }))
    expect(faultsOf({ ...wish, stones: stones('pave', 'prong') }, 'm')).toEqual([])
    expect(faultsOf({ ...wish, stones: stones('pave', 'pave ') }, 'm')).toEqual(['stones'])
    expect(faultsOf({ ...wish, stones: stones('') }, 'm')).toEqual(['stones'])
  })
})

describe('a model', () => {
  const model = (unit: string | null): UploadedModel => ({
    model_id: 'm',
    bytes: 1,
    format: 'obj',
    facets: 12,
    outside: { unit, extents: [1, 2, 3] },
    already_known: false,
  })

  test('has a size in the unit that is meant', () => {
    expect(sizeInMillimetres(model(null), 'inch')).toEqual([25.4, 50.8, 76.2].map((mm) => expect.closeTo(mm)))
    expect(sizeInMillimetres(model('centimetre'), 'file')).toEqual([10, 20, 30])
    expect(sizeInMillimetres(model(null), 'file')).toBeNull()
  })

  test('says its unit itself in some formats', () => {
    expect(['ring.3MF', 'ring.glb', 'ring.stl', 'ring'].map(usualUnit)).toEqual([
      'file',
      'file',
      'millimetre',
      'millimetre',
    ])
  })
})

test('a quote is found by its id, or by what it was called', () => {
  const id = '0192aaaa-bbbb-7ccc-8ddd-0123456789AB'
  expect(addressOf(` ${id} `)).toBe(`/quotes/${id.toLowerCase()}`)
  expect(addressOf('Ivanova / ring')).toBe('/quotes/find/Ivanova%20%2F%20ring')
  expect(addressOf('  ')).toBeNull()
})

describe('following a quote', () => {
  const quote = (revision: number, state: string) => ({ quote_id: 'q', revision, state }) as Quote

  test('tells what the stream says, and of nothing else', async () => {
    const frames = [
      `id: 1\nevent: requested\ndata: ${JSON.stringify(quote(1, 'requested'))}\n\n: alive\n\n`,
      'event: resume\ndata: {"reason":"later"}\n\nevent: x\ndata: {\n\n',
      `id: 2\nevent: priced\ndata: ${JSON.stringify(quote(2, 'priced'))}\n\n`,
    ]
    const heard: Quote[] = []
    const asked: string[] = []
    const stream = async (path: string) => {
      asked.push(path)
      return new Response(frames.join(''))
    }
    await followQuote({ stream }, 'a/b', (each) => heard.push(each), new AbortController().signal)
    expect(asked).toEqual(['v1/quotes/a%2Fb/events'])
    expect(heard.map(({ state }) => state)).toEqual(['requested', 'priced'])
  })

  test('never goes back to what a replica behind says', () => {
    expect(newest(quote(2, 'priced'), quote(1, 'requested')).state).toBe('priced')
    expect(newest(quote(2, 'priced'), quote(2, 'expired')).state).toBe('expired')
    expect(newest(undefined, quote(1, 'requested')).state).toBe('requested')
  })
})

test('a request with a key is sent again while the server is away, and no longer', async () => {
  const away = new ApiError({ status: 503, retryAfter: 1, more: {} })
  const wrong = new ApiError({ status: 422, retryAfter: null, more: {} })
  let sent = 0
  const send = async () => {
    sent += 1
    throw sent < 3 ? away : wrong
  }
  await expect(persist(send, undefined, undefined, async () => {})).rejects.toBe(wrong)
  expect(sent).toBe(3)
})
