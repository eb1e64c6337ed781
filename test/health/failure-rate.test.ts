import { describe, expect, it } from 'vitest'
import { OUTCOME, SLOT } from '../../lib/engine/layout.js'
import { CAUSE, ejectedBy } from '../../lib/health/passive/ejection-words.js'
import type { Member } from '../../lib/topology/member.js'
import { ejections } from '../support/ejection.js'

/** Requests through the engine's own counts, as the feedback makes them; `every`: each so many fail, 0: none. */
function traffic(count: number, options = {}) {
  const all = ejections(count, options)
  const { state, ejection } = all
  const request = (member: Member, ok: boolean) => {
    state.core.reserve(member.slot)
    if (ok) ejection.succeeded(member, false)
    else ejection.failed(member, 'local-origin', false)
    state.core.end(member.slot, state.core.now(), ok ? OUTCOME.SUCCEEDED : OUTCOME.LOST, -1)
  }
  const send = (member: Member, requests: number, every: number) => {
    for (let i = 0; i < requests; i++) request(member, every === 0 || i % every !== 0)
  }
  return { ...all, request, send }
}

describe('the rate of connection failures', () => {
  it('ejects at 5% of 100 requests, though failures are not in a row', () => {
    const { state, members, send, stateNow, reasons } = traffic(3)
    // The 6th failure is that of the 101st request.
    send(members[0], 100, 20)
    expect(stateNow(members[0])).toBe('ready')
    send(members[0], 1, 1)
    expect(stateNow(members[0])).toBe('ejected')
    expect(ejectedBy(state, members[0].slot)).toBe(CAUSE.RATE)
    expect(reasons).toEqual(['rate of connection failures: 6 of 101 requests; out for 1000 ms'])
  })

  it('does not eject at 4%, nor by less than 100 requests, nor by failures that are older than the window', async () => {
    const [rare, few, old] = [traffic(3), traffic(3), traffic(3)]
    rare.send(rare.members[0], 500, 25)
    few.send(few.members[0], 90, 4)
    for (let i = 0; i < 20; i++) {
      old.send(old.members[0], 10, 10)
      await old.timers.advance(5_000)
    }
    for (const { members, stateNow } of [rare, few, old]) expect(stateNow(members[0])).toBe('ready')
  })

  it('of an endpoint among many that fail as often ejects nobody; one that stands out goes', () => {
    const { members, send, stateNow } = traffic(3)
    for (let i = 0; i < 10; i++) for (const member of members) send(member, 40, 10)
    expect(members.map(stateNow)).toEqual(['ready', 'ready', 'ready'])
    for (let i = 0; i < 10; i++) send(members[0], 40, 2)
    expect(members.map(stateNow)).toEqual(['ejected', 'ready', 'ready'])
  })

  it('of two endpoints the one that works is the measure', () => {
    const { members, send, stateNow } = traffic(2)
    send(members[1], 200, 0)
    send(members[0], 200, 10)
    expect(members.map(stateNow)).toEqual(['ejected', 'ready'])
  })

  it('grows the back-off, since it takes time to be seen again; each ejection begins a new window', async () => {
    const { timers, members, ejection, send, stateNow } = traffic(3)
    for (const seconds of [1, 2, 4]) {
      send(members[0], 101, 10)
      expect(stateNow(members[0])).toBe('ejected')
      await timers.advance(seconds * 1000 - 1)
      expect(stateNow(members[0])).toBe('ejected')
      await timers.advance(1)
      ejection.claimProbe(members[0])
      ejection.succeeded(members[0], true)
      await timers.advance(5_000)
      send(members[0], 1, 1)
      expect(stateNow(members[0])).toBe('ready')
    }
  })

  it('is off at 0, and writes nothing for requests that succeed', () => {
    const off = traffic(3, { failurePercentageThreshold: 0 })
    off.send(off.members[0], 1_000, 3)
    expect(off.stateNow(off.members[0])).toBe('ready')
    const { state, members, send } = traffic(3)
    send(members[0], 100, 0)
    const words = [SLOT.FAILURES_SINCE, SLOT.FAILURES_SINCE + 1, SLOT.FAILURES_BASE, SLOT.FAILURES_SEEN]
    expect(words.map((word) => state.get(members[0].slot, word))).toEqual([0, 0, 0, 0])
  })
})
