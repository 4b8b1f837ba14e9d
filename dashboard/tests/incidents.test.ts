import { expect, test } from 'vitest'
import type { Incident } from '../src/api/types'
import { evidence, isSilent, steps } from '../src/incidents/facts'

type Said = Pick<Incident, 'evidence' | 'attempts'>

test('evidence is shown whatever it is, and nothing is left out but nothing', () => {
  const said = { evidence: { recipient: 'crm', seconds: 12, reason: null, passed: [['sent', 3]] } }
  expect(evidence(said as unknown as Said)).toEqual([
    ['recipient', 'crm'],
    ['seconds', '12'],
    ['passed', '[["sent",3]]'],
  ])
})

test('steps are shown in their order, and what is none does no harm', () => {
  const step = { at: '2026-11-23T03:00:00Z', what: 'resend', outcome: '2 events to be sent again' }
  const said = { attempts: [step, null, { what: 'x' }, { ...step, what: 'escalate' }] }
  expect(steps(said as unknown as Said).map((each) => each.what)).toEqual(['resend', 'escalate'])
})

test('a watchdog that has not looked for a minute is silent, and the heartbeat is judged elsewhere', () => {
  const beat_at = '2026-11-23T03:00:00Z'
  const at = (seconds: number) => Date.parse(beat_at) + seconds * 1_000
  expect(isSilent({ name: 'watchdog', beat_at }, at(59))).toBe(false)
  expect(isSilent({ name: 'watchdog', beat_at }, at(61))).toBe(true)
  expect(isSilent({ name: 'heartbeat', beat_at }, at(61))).toBe(false)
})
