/** What else than failures in a row proves an endpoint broken: gateway errors, bodies that break, silence. And probes that hang. */
import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { Ejection } from '../../lib/health/passive/ejection.js'
import { CAUSE, EJECTION, ejectedBy } from '../../lib/health/passive/ejection-words.js'
import { resolveOutlier } from '../../lib/health/passive/options.js'
import type { Member } from '../../lib/topology/member.js'
import { ejections } from '../support/ejection.js'
import { ManualTimers } from '../support/manual-timers.js'

describe('gateway errors', () => {
  it('eject as connection failures do: from 1 s, doubled, and as many endpoints as answer so', async () => {
    const { timers, members, ejection, fail, stateNow, reasons } = ejections(3)
    for (const member of members.slice(0, 2)) fail(member, 5, 'gateway')
    expect(members.map(stateNow)).toEqual(['ejected', 'ejected', 'ready'])
    expect(reasons[0]).toBe('gateway errors: 5 in a row; out for 1000 ms')
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      await timers.advance(seconds * 1000 - 1)
      expect(stateNow(members[0])).toBe('ejected')
      await timers.advance(1)
      expect(ejection.claimProbe(members[0])).toBe(true)
      ejection.failed(members[0], 'gateway', true)
    }
  })

  it('count among the 5xx; another 5xx ends their run, and a success both', () => {
    const { state, members, ejection, fail, stateNow } = ejections(3)
    const [mixed, other] = members
    fail(mixed, 3, 'gateway')
    fail(mixed, 1, 'status')
    expect([stateNow(mixed), state.get(mixed.slot, SLOT.GATEWAY_FAILURES)]).toEqual(['ready', 0])
    fail(mixed, 1, 'gateway')
    expect(ejectedBy(state, mixed.slot)).toBe(CAUSE.STATUS)
    fail(other, 4, 'gateway')
    ejection.succeeded(other, false)
    fail(other, 4, 'gateway')
    expect(stateNow(other)).toBe('ready')
    fail(other, 1, 'gateway')
    expect(ejectedBy(state, other.slot)).toBe(CAUSE.GATEWAY)
  })

  it('are 5xx like others where they are turned off', () => {
    const { state, members, fail, stateNow } = ejections(3, { consecutiveGatewayErrors: 0 })
    for (const member of members.slice(0, 2)) fail(member, 5, 'gateway')
    expect(members.map(stateNow)).toEqual(['ejected', 'ready', 'ready'])
    expect(ejectedBy(state, members[0].slot)).toBe(CAUSE.STATUS)
  })
})

describe('bodies that break', () => {
  it('eject in a row, though each answer began well; only a whole body ends the run', () => {
    const { members, ejection, breakBodies, stateNow, reasons } = ejections(3)
    breakBodies(members[0], 4)
    ejection.bodyComplete(members[0])
    breakBodies(members[0], 4)
    for (let i = 0; i < 10; i++) ejection.succeeded(members[0], false)
    expect(stateNow(members[0])).toBe('ready')
    breakBodies(members[0], 1)
    expect(stateNow(members[0])).toBe('ejected')
    expect(reasons).toEqual(['broken bodies: 5 in a row; out for 1000 ms'])
  })

  it('cost one request an ejection: the answer of a probe ends none before its body came', async () => {
    const { timers, members, ejection, breakBodies, stateNow, sorted } = ejections(3)
    breakBodies(members[0], 5)
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      await timers.advance(seconds * 1000 - 1)
      expect(stateNow(members[0])).toBe('ejected')
      await timers.advance(1)
      expect(ejection.claimProbe(members[0])).toBe(true)
      ejection.succeeded(members[0], true)
      await timers.advance(500)
      expect([stateNow(members[0]), ejection.claimProbe(members[0])]).toEqual(['probing', false])
      expect(sorted().levels[0].healthy).toEqual(members.slice(1))
      ejection.bodyBroken(members[0])
    }
  })

  it('are over with the first whole one', async () => {
    const { state, timers, members, ejection, breakBodies, stateNow } = ejections(3)
    breakBodies(members[0], 7)
    await timers.advance(1000)
    ejection.claimProbe(members[0])
    ejection.succeeded(members[0], true)
    ejection.bodyComplete(members[0])
    expect([stateNow(members[0]), state.get(members[0].slot, SLOT.BODY_FAILURES)]).toEqual(['ready', 0])
    expect(timers.pending).toBe(0)
  })

  it('a stream that lasts brings its endpoint back after 5 s; the next break ejects at once, for longer', async () => {
    const { timers, members, ejection, breakBodies, stateNow } = ejections(3)
    breakBodies(members[0], 5)
    await timers.advance(1000)
    ejection.claimProbe(members[0])
    ejection.succeeded(members[0], true)
    await timers.advance(4999)
    expect(stateNow(members[0])).toBe('probing')
    await timers.advance(1)
    expect(stateNow(members[0])).toBe('ready')
    await timers.advance(5000)
    breakBodies(members[0], 1)
    await timers.advance(1999)
    expect(stateNow(members[0])).toBe('ejected')
    await timers.advance(1)
    expect(stateNow(members[0])).toBe('probing')
  })
})

describe('silence', () => {
  it('ejects at once, more than one endpoint, with a back-off that probes let grow', async () => {
    const { state, timers, members, ejection, stateNow, reasons } = ejections(3)
    for (const member of members.slice(0, 2)) ejection.stalled(member, false)
    expect(members.map(stateNow)).toEqual(['ejected', 'ejected', 'ready'])
    expect(ejectedBy(state, members[0].slot)).toBe(CAUSE.SILENCE)
    expect(reasons[0]).toContain('no answers')
    for (const seconds of [1, 2, 4, 8, 16, 30]) {
      await timers.advance(seconds * 1000)
      expect(ejection.claimProbe(members[0])).toBe(true)
      ejection.stalled(members[0], true)
      // What becomes of the request afterwards changes nothing.
      ejection.probeCancelled(members[0])
      expect(stateNow(members[0])).toBe('ejected')
    }
  })
})

describe('the probe after a silence', () => {
  it('is left to requests that can go elsewhere, for 10 s', async () => {
    const { timers, members, ejection } = ejections(3)
    ejection.stalled(members[0], false)
    await timers.advance(1_000)
    expect(ejection.claimProbe(members[0], false)).toBe(false)
    await timers.advance(9_999)
    expect(ejection.claimProbe(members[0], false)).toBe(false)
    expect(ejection.claimProbe(members[0], true)).toBe(true)
    ejection.stalled(members[0], true)
    await timers.advance(2_000 + 10_000)
    // Nobody else has come.
    expect(ejection.claimProbe(members[0], false)).toBe(true)
  })

  it('of one that nobody could connect to is anybody’s', async () => {
    const { timers, members, ejection, fail } = ejections(3)
    fail(members[0], 5, 'connect')
    await timers.advance(1_000)
    expect(ejection.claimProbe(members[0], false)).toBe(true)
  })
})

describe('the longest time of a probe', () => {
  it('gives it up for another one after 30 s, whoever holds its lease', async () => {
    const { timers, members, ejection, fail, stateNow } = ejections(3)
    fail(members[0], 5)
    await timers.advance(1000)
    expect(ejection.claimProbe(members[0])).toBe(true)
    await timers.advance(29_999)
    expect(ejection.claimProbe(members[0])).toBe(false)
    await timers.advance(1)
    expect([ejection.claimProbe(members[0]), ejection.claimProbe(members[0])]).toEqual([true, false])
    expect(stateNow(members[0])).toBe('probing')
  })

  const givenUp = async () => {
    const all = ejections(3)
    all.fail(all.members[0], 5)
    await all.timers.advance(1000)
    all.ejection.claimProbe(all.members[0])
    await all.timers.advance(30_000)
    return all
  }

  it('a late cancellation of the old one leaves the newer one under way', async () => {
    const { state, members, ejection } = await givenUp()
    const ejectionNow = () => state.get(members[0].slot, SLOT.EJECTION)
    ejection.claimProbe(members[0])
    ejection.probeCancelled(members[0])
    expect(ejectionNow()).toBe(EJECTION.PROBING)
    ejection.probeCancelled(members[0])
    expect(ejectionNow()).toBe(EJECTION.AWAITING_PROBE)
  })

  it.each([true, false])(
    'a late answer is evidence all the same (a newer one under way: %s)',
    async (newer) => {
      const good = await givenUp()
      if (newer) good.ejection.claimProbe(good.members[0])
      good.ejection.succeeded(good.members[0], true)
      expect(good.stateNow(good.members[0])).toBe('ready')
      const bad = await givenUp()
      if (newer) bad.ejection.claimProbe(bad.members[0])
      bad.ejection.failed(bad.members[0], 'local-origin', true)
      expect(bad.stateNow(bad.members[0])).toBe('ejected')
    },
  )

  it('a late answer does not end an ejection that a newer probe made', async () => {
    const { timers, members, ejection, stateNow } = await givenUp()
    ejection.claimProbe(members[0])
    ejection.failed(members[0], 'local-origin', true)
    ejection.succeeded(members[0], true)
    expect(stateNow(members[0])).toBe('ejected')
    await timers.advance(2000)
    expect(stateNow(members[0])).toBe('probing')
  })
})

describe('a thread that only looks on', () => {
  /** As in another thread, over the same words; the first one's timers never run. */
  const onlooker = (all: ReturnType<typeof ejections>) => {
    const timers = new ManualTimers(all.timers.now())
    const { state, members } = all
    const ejection = new Ejection<Member>(
      state,
      resolveOutlier({}),
      timers,
      () => members,
      () => {},
    )
    ejection.watch()
    return { timers, ejection }
  }

  it('ends an ejection, and a probe whose thread says nothing more of it', async () => {
    const all = ejections(3)
    const [member] = all.members
    all.fail(member, 5)
    const { timers, ejection } = onlooker(all)
    await timers.advance(1_000)
    expect(all.state.get(member.slot, SLOT.EJECTION)).toBe(EJECTION.AWAITING_PROBE)
    expect(all.ejection.claimProbe(member)).toBe(true)
    // Its clock stood still; the words must be of one time.
    all.state.setDouble(member.slot, SLOT.PROBE_SINCE, timers.now())
    ejection.watch()
    await timers.advance(29_999)
    expect(ejection.claimProbe(member)).toBe(false)
    await timers.advance(1)
    expect(ejection.claimProbe(member)).toBe(true)
  })

  it('ends the wait for a body, and parking', async () => {
    const all = ejections(3)
    const [broken, parked] = all.members
    all.breakBodies(broken, 5)
    await all.timers.advance(1_000)
    all.ejection.claimProbe(broken)
    all.ejection.succeeded(broken, true)
    all.ejection.throttled(parked, 3_000, false)
    const { timers } = onlooker(all)
    await timers.advance(2_999)
    expect([broken, parked].map(all.stateNow)).toEqual(['probing', 'parked'])
    await timers.advance(2_001)
    expect([broken, parked].map(all.stateNow)).toEqual(['ready', 'ready'])
    expect(timers.pending).toBe(0)
  })
})

describe('where every endpoint is out', () => {
  it('the first that serves a request is back at once', () => {
    const { members, ejection, fail, stateNow } = ejections(3)
    for (const member of members) fail(member, 5)
    ejection.succeeded(members[1], false)
    expect(members.map(stateNow)).toEqual(['ejected', 'ready', 'ejected'])
    // Somebody is left now: what was sent to the others before proves nothing.
    ejection.succeeded(members[0], false)
    expect(stateNow(members[0])).toBe('ejected')
  })

  it('an answer is not enough for one whose bodies break', () => {
    const { members, ejection, breakBodies, stateNow } = ejections(2)
    for (const member of members) breakBodies(member, 5)
    ejection.succeeded(members[0], false)
    expect(stateNow(members[0])).toBe('ejected')
    ejection.bodyComplete(members[0])
    expect(stateNow(members[0])).toBe('ready')
  })
})
