/** Who is asked where fewer than the panic threshold are healthy: what real requests proved is not doubted. */
import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { ADMIN, HEALTH } from '../../lib/health/filter.js'
import { ejections } from '../support/ejection.js'
import type { Surroundings } from '../support/service-view.js'
import { serviceViews, shares } from '../support/service-view.js'

function setUp(count: number, config: Surroundings = {}, priorityOf = (_: number) => 0) {
  const all = ejections(count)
  const { state, members } = all
  members.forEach((member, i) => {
    member.endpoint = { ...member.endpoint, priority: priorityOf(i) }
  })
  const { view } = serviceViews(state, members, { policy: 'random', ...config })
  const share = () => shares(state, view(), members, 4_000)
  return { ...all, view, share }
}

describe('in panic', () => {
  it.each(['connect', 'local-origin', 'gateway'] as const)(
    'the dead of two thirds (%s) get nothing, and panic is told',
    (kind) => {
      const { members, fail, view, share } = setUp(3)
      for (const member of members.slice(0, 2)) fail(member, 5, kind)
      expect(view().whole.panic).toBe(true)
      expect(share()).toEqual([0, 0, 1])
    },
  )

  it('those that only checks found at fault, and those ejected for 5xx, are asked; the proven dead are not', () => {
    const { state, members, fail, share } = setUp(5)
    fail(members[4], 5, 'status')
    state.set(members[0].slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    state.set(members[1].slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    fail(members[1], 5, 'connect')
    fail(members[2], 5, 'gateway')
    const got = share()
    expect([got[1], got[2]]).toEqual([0, 0])
    for (const i of [0, 3, 4]) expect(got[i]).toBeCloseTo(1 / 3, 1)
  })

  it('all are asked where nobody else is left, the operator apart', () => {
    const { state, members, fail, view, share } = setUp(3)
    for (const member of members) fail(member, 5)
    state.set(members[0].slot, SLOT.ADMIN, ADMIN.DRAIN)
    const [drained, ...others] = share()
    expect(drained).toBe(0)
    for (const got of others) expect(got).toBeCloseTo(0.5, 1)
    expect(view().whole.panic).toBe(true)
  })

  it('nobody is, with a threshold of 0 or failTrafficOnPanic', () => {
    for (const config of [{ panicThreshold: 0 }, { failTrafficOnPanic: true }]) {
      const { members, fail, view } = setUp(3, config)
      for (const member of members) fail(member, 5)
      expect(view().whole.usable).toEqual([])
    }
  })

  it('of all levels, load goes by those that are left', () => {
    const { members, fail, view, share } = setUp(8, {}, (i) => (i < 4 ? 0 : 1))
    for (const member of members.filter((_, i) => i !== 7)) fail(member, 5)
    expect(share()).toEqual([0, 0, 0, 0, 0, 0, 0, 1])
    expect(view().whole).toMatchObject({ panic: true, usable: [members[7]] })
  })

  it('a closed breaker overrules the proof', () => {
    const { state, members, fail, share } = setUp(3)
    for (const member of members.slice(0, 2)) fail(member, 5)
    state.set(members[0].slot, SLOT.BREAKER, 2)
    expect(share()[1]).toBe(0)
    expect(share()[0]).toBeCloseTo(0.5, 1)
  })
})
