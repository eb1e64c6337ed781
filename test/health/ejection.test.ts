import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { HEALTH, sortByState } from '../../lib/health/filter.js'
import { EJECTION_OFF } from '../../lib/health/passive/ejection.js'
import { CAUSE, EJECTION, ejectedBy } from '../../lib/health/passive/ejection-words.js'
import { resolveOutlier } from '../../lib/health/passive/options.js'
import { ejections } from '../support/ejection.js'
import { admitAll, endpoint, manualState } from '../support/state.js'

describe('ejection', () => {
  it('forgets an endpoint that has left: its last failures wake nothing up', async () => {
    const { timers, members, ejection, events } = ejections(4)
    const [gone, other] = members
    for (let i = 0; i < 5; i++) ejection.failed(other, 'connect', false)
    events.length = 0
    const waiting = timers.pending
    ejection.forget(gone.slot)
    members.shift()
    for (let i = 0; i < 10; i++) ejection.failed(gone, 'connect', false)
    ejection.failed(gone, 'connect', true)
    expect(events).toEqual([])
    expect(timers.pending).toBe(waiting)
  })

  it('follows failures in a row, not failures with a success between them', () => {
    const { members, ejection, fail, stateNow } = ejections(3)
    fail(members[0], 4)
    ejection.succeeded(members[0], false)
    fail(members[0], 4)
    expect(stateNow(members[0])).toBe('ready')
    fail(members[0], 1)
    expect(stateNow(members[0])).toBe('ejected')
  })

  it('after connection failures lasts 1 s and doubles to 30 s while probes fail', async () => {
    const { timers, members, ejection, fail, stateNow } = ejections(3)
    fail(members[0], 5)
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      await timers.advance(seconds * 1000 - 1)
      expect(stateNow(members[0])).toBe('ejected')
      await timers.advance(1)
      expect(stateNow(members[0])).toBe('probing')
      expect(ejection.claimProbe(members[0])).toBe(true)
      ejection.failed(members[0], 'local-origin', true)
    }
  })

  it('after 5xx lasts 30 s times the ejections so far', async () => {
    const { timers, members, ejection, fail, stateNow } = ejections(3)
    fail(members[0], 5, 'status')
    for (const seconds of [30, 60, 90]) {
      await timers.advance(seconds * 1000 - 1)
      expect(stateNow(members[0])).toBe('ejected')
      await timers.advance(1)
      expect(ejection.claimProbe(members[0])).toBe(true)
      ejection.failed(members[0], 'status', true)
    }
  })

  it('gives the probe to exactly one request, and returns the endpoint when it succeeds', async () => {
    const { state, timers, members, ejection, events, fail, stateNow } = ejections(3)
    fail(members[0], 5)
    expect(ejection.claimProbe(members[0])).toBe(false)
    await timers.advance(1000)
    expect(sortByState(state, members)).toMatchObject({
      awaitingProbe: [members[0]],
      levels: [{ healthy: members.slice(1) }],
    })
    expect([ejection.claimProbe(members[0]), ejection.claimProbe(members[0])]).toEqual([true, false])
    expect(sortByState(state, members).awaitingProbe).toEqual([])
    ejection.succeeded(members[0], true)
    expect(stateNow(members[0])).toBe('ready')
    expect(sortByState(state, members).levels[0].healthy).toEqual(members)
    expect(events).toEqual(['e0 ejected', 'e0 probing', 'e0 returned'])
    expect(timers.pending).toBe(0)
  })

  it('lets the next request probe when the probe was cancelled', async () => {
    const { timers, members, ejection, fail } = ejections(3)
    fail(members[0], 5)
    await timers.advance(1000)
    ejection.claimProbe(members[0])
    ejection.probeCancelled(members[0])
    expect(ejection.claimProbe(members[0])).toBe(true)
  })

  it('forgets one past ejection for each base interval without a new one', async () => {
    const { timers, members, ejection, fail, stateNow } = ejections(3)
    const round = async (expectedMs: number) => {
      fail(members[0], 5)
      await timers.advance(expectedMs - 1)
      expect(stateNow(members[0])).toBe('ejected')
      await timers.advance(1)
      ejection.claimProbe(members[0])
      ejection.succeeded(members[0], true)
    }
    await round(1000)
    await round(2000)
    await timers.advance(1500)
    await round(2000)
    await timers.advance(60_000)
    await round(1000)
  })

  it('ends on a passing active check, by a probe after broken bodies, not after 5xx; one that passed all along knows nothing', () => {
    const { state, members, ejection, fail, breakBodies, stateNow } = ejections(6)
    const [sick, unreachable, lost, gateway, knowsNothing, breaking] = members
    fail(sick, 5, 'status')
    fail(unreachable, 5, 'connect')
    fail(lost, 5)
    fail(gateway, 5, 'gateway')
    fail(knowsNothing, 5, 'gateway')
    breakBodies(breaking, 5)
    // The check of this one passed before and ever since.
    state.set(knowsNothing.slot, SLOT.CHECK_RUN, 7)
    state.set(lost.slot, SLOT.CHECK_RUN, 1)
    for (const member of members) ejection.checkPassed(member)
    expect(members.map(stateNow)).toEqual(['ejected', 'ready', 'ready', 'ready', 'ejected', 'probing'])
  })

  it('by 5xx takes out at most 10%, but always one where two or more are left; never a single endpoint', () => {
    const count = (n: number) => {
      const { members, fail, stateNow } = ejections(n)
      for (const member of members) fail(member, 5, 'status')
      return members.filter((member) => stateNow(member) === 'ejected').length
    }
    expect([1, 2, 9, 20, 30].map(count)).toEqual([0, 1, 1, 2, 3])
  })

  it('is off where it is turned off', () => {
    const { timers, members, ejection, fail, breakBodies, stateNow } = ejections(3, EJECTION_OFF)
    for (const kind of ['connect', 'local-origin', 'gateway', 'status'] as const) fail(members[0], 500, kind)
    breakBodies(members[0], 50)
    ejection.stalled(members[0], false)
    ejection.throttled(members[0], 5_000, false)
    expect([stateNow(members[0]), timers.pending]).toEqual(['ready', 0])
  })

  it('brings back what was ejected by a kind of failure that is turned off, and nobody else', () => {
    const { state, members, ejection, fail, stateNow } = ejections(4)
    fail(members[0], 5)
    fail(members[1], 5, 'gateway')
    ejection.throttled(members[2], 5_000, false)
    expect(ejectedBy(state, members[1].slot)).toBe(CAUSE.GATEWAY)
    ejection.configure({ ...resolveOutlier({}), consecutiveGatewayErrors: 0, maxParkMs: 0 })
    ejection.writeSettings()
    expect(members.map(stateNow)).toEqual(['ejected', 'ready', 'ready', 'ready'])
    expect([ejectedBy(state, members[0].slot), ejectedBy(state, members[1].slot)]).toEqual([
      CAUSE.CONNECTION,
      CAUSE.NONE,
    ])
  })
})

describe('the health filter', () => {
  it('never offers what the operator took out; a closed breaker overrules health', () => {
    const { state, members } = ejections(4)
    state.set(members[0].slot, SLOT.ADMIN, 1)
    state.set(members[1].slot, SLOT.BREAKER, 1)
    for (const { slot } of members.slice(2)) state.set(slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    expect(sortByState(state, members).levels).toEqual([
      { priority: 0, members, open: members.slice(2), healthy: [], unproven: members.slice(2), parked: 0 },
    ])
    state.set(members[3].slot, SLOT.BREAKER, 2)
    expect(sortByState(state, members).levels[0].healthy).toEqual([members[3]])
  })

  it('sorts by priority, the most preferred first', () => {
    const state = manualState()
    const members = admitAll(
      state,
      [2, 0, 1, 0].map((priority, i) => endpoint(`e${i}`, { priority })),
    )
    state.set(members[1].slot, SLOT.EJECTION, EJECTION.EJECTED)
    const [first, second, third] = sortByState(state, members).levels
    expect(first).toEqual({
      priority: 0,
      members: [members[1], members[3]],
      open: [members[1], members[3]],
      healthy: [members[3]],
      // Its cause was not written yet: no proof.
      unproven: [members[1], members[3]],
      parked: 0,
    })
    expect([second.priority, third.priority]).toEqual([1, 2])
    expect(sortByState(state, [])).toEqual({ levels: [], awaitingProbe: [] })
  })
})
