import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { ADMIN, HEALTH } from '../../lib/health/filter.js'
import { ejections } from '../support/ejection.js'
import { serviceViews, shares } from '../support/service-view.js'

describe('an endpoint that asks to be left alone', () => {
  it('is parked for that time, 30 s at most, and counts as healthy', async () => {
    const { timers, members, ejection, events, stateNow, sorted } = ejections(4)
    ejection.throttled(members[0], 1_000, false)
    ejection.throttled(members[1], 86_400_000, false)
    expect(members.map(stateNow)).toEqual(['parked', 'parked', 'ready', 'ready'])
    expect(sorted().levels[0]).toMatchObject({ healthy: members.slice(2), parked: 2 })
    await timers.advance(999)
    expect(stateNow(members[0])).toBe('parked')
    await timers.advance(1)
    expect(stateNow(members[0])).toBe('ready')
    await timers.advance(28_999)
    expect(stateNow(members[1])).toBe('parked')
    await timers.advance(1)
    expect(members.map(stateNow)).toEqual(['ready', 'ready', 'ready', 'ready'])
    expect(events).toEqual(['e0 parked', 'e1 parked', 'e0 returned', 'e1 returned'])
    expect(timers.pending).toBe(0)
  })

  it('may ask for longer, not for less', async () => {
    const { timers, members, ejection, stateNow } = ejections(2)
    ejection.throttled(members[0], 1_000, false)
    ejection.throttled(members[0], 3_000, false)
    ejection.throttled(members[0], 500, false)
    await timers.advance(2_999)
    expect(stateNow(members[0])).toBe('parked')
    await timers.advance(1)
    expect(stateNow(members[0])).toBe('ready')
  })

  it('is one of half of the open endpoints at most, and never a single one', () => {
    const parked = (count: number, drained = 0) => {
      const { state, members, ejection, stateNow } = ejections(count)
      for (let i = 0; i < drained; i++) state.set(members[i].slot, SLOT.ADMIN, ADMIN.DRAIN)
      for (const member of members) ejection.throttled(member, 1_000, false)
      return members.filter((member) => stateNow(member) === 'parked').length
    }
    expect([1, 2, 3, 4, 5].map((count) => parked(count))).toEqual([0, 1, 1, 2, 2])
    expect(parked(6, 3)).toBe(1)
  })

  it('is not parked where that is turned off, nor without a time', () => {
    const off = ejections(4, { maxParkMs: 0 })
    off.ejection.throttled(off.members[0], 1_000, false)
    const { members, ejection, stateNow } = ejections(4)
    for (const ms of [0, -5, Number.NaN]) ejection.throttled(members[0], ms, false)
    expect([off.stateNow(off.members[0]), stateNow(members[0])]).toEqual(['ready', 'ready'])
  })

  it('ends no run of failures and counts in none', () => {
    const { members, ejection, fail, stateNow } = ejections(3)
    fail(members[0], 4)
    for (let i = 0; i < 20; i++) ejection.throttled(members[0], 0, false)
    expect(stateNow(members[0])).toBe('ready')
    fail(members[0], 1)
    expect(stateNow(members[0])).toBe('ejected')
  })

  it('has answered its probe; parked again it gets none before its time', async () => {
    const { timers, members, ejection, fail, stateNow, sorted } = ejections(3)
    fail(members[0], 5)
    await timers.advance(1000)
    ejection.claimProbe(members[0])
    ejection.throttled(members[0], 3_000, true)
    expect(stateNow(members[0])).toBe('parked')
    fail(members[0], 5, 'gateway')
    await timers.advance(2_999)
    expect([stateNow(members[0]), sorted().awaitingProbe]).toEqual(['probing', []])
    await timers.advance(1)
    expect(sorted().awaitingProbe).toEqual([members[0]])
  })

  it('is used where nobody else is', () => {
    const { state, members, ejection, fail, sorted } = ejections(3)
    const [parked, dead, sick] = members
    ejection.throttled(parked, 1_000, false)
    fail(dead, 5, 'connect')
    state.set(sick.slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    expect(sorted().levels[0]).toMatchObject({ open: members, healthy: [parked], parked: 0 })
    state.set(sick.slot, SLOT.HEALTH, HEALTH.HEALTHY)
    expect(sorted().levels[0]).toMatchObject({ open: members, healthy: [sick], parked: 1 })
  })

  it('leaves its requests to its level: no panic, and nothing spills to the next', () => {
    const { state, members, ejection } = ejections(4)
    for (const i of [2, 3]) members[i].endpoint = { ...members[i].endpoint, priority: 1 }
    ejection.throttled(members[0], 1_000, false)
    const views = serviceViews(state, members, { policy: 'random' })
    expect(views.view().whole.panic).toBe(false)
    expect(shares(state, views.view(), members, 500)).toEqual([0, 1, 0, 0])
    // With all of a level parked, the next one takes over.
    ejection.throttled(members[1], 1_000, false)
    expect(shares(state, views.view(), members, 500).slice(0, 2)).toEqual([0, 0])
  })
})
