/** The words of an agent check: how they are read, and what they do to an endpoint's slot. */
import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import {
  type AgentWords,
  applyAgentWords,
  endAgentDrain,
  parseAgentWords,
} from '../../lib/health/active/agent.js'
import { ADMIN, stateOf } from '../../lib/health/filter.js'
import { admitAll, endpoint, manualState } from '../support/state.js'

describe('parseAgentWords', () => {
  it.each([
    ['75%', { weightPercent: 75 }],
    ['0%', { weightPercent: 0 }],
    ['up 25600%\n', { weightPercent: 25_600 }],
    ['UP, 50%\tmaxconn:100', { weightPercent: 50, maxRequests: 100 }],
    ['ready', { drain: false }],
    ['drain', { drain: true }],
    ['maint', { drain: true }],
    ['down', { down: 'down' }],
    ['down#disk is full', { down: 'down: disk is full' }],
    ['stopped # by hand 10%', { down: 'stopped: by hand 10%' }],
    ['fail 10%', { down: 'fail', weightPercent: 10 }],
    ['ready drain', { drain: true }],
    ['up\r\n75%', {}],
  ])('reads %j', (body, words) => {
    expect(parseAgentWords(body)).toEqual(words)
  })

  it.each([
    '',
    ' \n',
    'hello world',
    '-5%',
    '7.5%',
    '%',
    '25601%',
    '999999%',
    '1e3%',
    'maxconn:0',
    'maxconn: 5',
    'maxconn:99999999999',
    'constructor',
    '__proto__ toString',
    `${' '.repeat(300)}75%`,
    '# down',
    '{"up": true}',
  ])('takes %j for nothing', (body) => {
    expect(parseAgentWords(body)).toEqual({})
  })
})

describe('applyAgentWords', () => {
  function slotWith(weight = 2) {
    const state = manualState()
    const [{ slot }] = admitAll(state, [endpoint('a', { weight })], 50)
    const say = (words: AgentWords, configured = weight) =>
      applyAgentWords(state, slot, words, { weight: configured, maxWeight: 65_535, maxRequests: 50 })
    return { state, slot, say, weight: () => state.getFloat(slot, SLOT.WEIGHT) }
  }

  it('takes a percentage of the configured weight, whatever it was before', () => {
    const { say, weight } = slotWith()
    expect([say({ weightPercent: 50 }), weight()]).toEqual([true, 1])
    expect([say({ weightPercent: 50 }), weight()]).toEqual([false, 1])
    expect([say({ weightPercent: 200 }), weight()]).toEqual([true, 4])
    expect([say({}), weight()]).toEqual([false, 4])
    expect([say({ weightPercent: 100 }), weight()]).toEqual([true, 2])
  })

  it('keeps the weight within what a weight can be', () => {
    const heavy = slotWith(65_535)
    heavy.say({ weightPercent: 25_600 })
    expect(heavy.weight()).toBe(65_535)
    const light = slotWith(1.5e-45)
    light.say({ weightPercent: 1 })
    expect(light.weight()).toBeGreaterThan(0)
  })

  it('lowers the limit, and never raises it above the configured one', () => {
    const { state, slot, say } = slotWith()
    say({ maxRequests: 10 })
    expect(state.get(slot, SLOT.LIMIT)).toBe(10)
    say({ maxRequests: 1_000 })
    expect(state.get(slot, SLOT.LIMIT)).toBe(50)
  })

  it('drains by word or by 0%, and ends that by `ready` or a percentage', () => {
    const { state, slot, say } = slotWith()
    for (const out of [{ drain: true }, { weightPercent: 0 }]) {
      for (const back of [{ drain: false }, { weightPercent: 80 }]) {
        expect(say(out)).toBe(true)
        expect(stateOf(state, slot)).toBe('drain')
        expect(say(out)).toBe(false)
        expect(say({})).toBe(false)
        expect(stateOf(state, slot)).toBe('drain')
        expect(say({ ...back })).toBe(true)
        expect(stateOf(state, slot)).toBe('ready')
      }
    }
    expect([say({ drain: true, weightPercent: 50 }), stateOf(state, slot)]).toEqual([true, 'drain'])
  })

  it.each([
    [ADMIN.DRAIN, 'drain'],
    [ADMIN.MAINT, 'maint'],
  ])('neither ends nor replaces the operator’s word %i', (admin, word) => {
    const { state, slot, say } = slotWith()
    state.set(slot, SLOT.ADMIN, admin)
    for (const words of [{ drain: true }, { weightPercent: 0 }, { drain: false }, { weightPercent: 100 }])
      say(words)
    expect(endAgentDrain(state, slot)).toBe(false)
    expect([state.get(slot, SLOT.ADMIN), stateOf(state, slot)]).toEqual([admin, word])
  })
})
