/** Slots of endpoints that have left: when they are free for others, and what remains of them. */
import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import type { Member } from '../../lib/topology/member.js'
import { RetiredSlots } from '../../lib/topology/retired-slots.js'
import { admitAll, endpoint, manualState } from '../support/state.js'

/** A service with endpoints that are published, of which this thread knows the first `known`. */
function setUp(count: number, known: number) {
  const state = manualState()
  const members = admitAll(
    state,
    Array.from({ length: count }, (_, i) => endpoint(`e${i}`)),
  )
  for (const { slot } of members) state.claims.publishSlot(slot)
  const { service } = members[0]
  state.claims.publishService(service)
  const bySlot: (Member | undefined)[] = []
  for (const member of members.slice(0, known)) bySlot[member.slot] = member
  let seen = 0
  const retired = new RetiredSlots(state, bySlot, (version) => version <= seen)
  const isFree = ({ slot, generation }: Member): boolean => state.get(slot, SLOT.GENERATION) !== generation
  const see = (version: number): void => {
    seen = version
    retired.sweep()
  }
  const add = (slot: number, field: number, by: number) => state.set(slot, field, state.get(slot, field) + by)
  return { state, members, service, bySlot, retired, isFree, see, add }
}

const isService = (): boolean => true
const upToDate = (): boolean => false

describe('slots that another thread would have freed', () => {
  it('are found and freed: in use, in nobody’s hands, in no configuration', () => {
    const { members, retired, isFree, see } = setUp(3, 1)
    expect(retired.adopt(isService, 5, upToDate)).toBe(true)
    expect(members.map(isFree)).toEqual([false, false, false])
    see(5)
    expect(members.map(isFree)).toEqual([false, true, true])
  })

  it('are freed at once where every thread has seen them leave', () => {
    const { members, retired, isFree, see } = setUp(2, 1)
    see(5)
    retired.adopt(isService, 5, upToDate)
    expect(members.map(isFree)).toEqual([false, true])
  })

  it('are neither those that are free already nor the one that has the totals of its service', () => {
    const { state, members, service, retired, see } = setUp(3, 1)
    retired.add(members[1], 4)
    see(4)
    retired.adopt(isService, 5, upToDate)
    expect([...retired.slotsOf(service)]).toEqual([members[2].slot])
    see(5)
    expect(state.claims.goneSlot(service)).toBeGreaterThanOrEqual(0)
    expect([...retired.slotsOf(service)]).toEqual([])
  })

  it('are not looked for where the configuration has moved on', () => {
    const { members, retired, isFree, see } = setUp(2, 0)
    expect(retired.adopt(isService, 5, () => true)).toBe(false)
    see(5)
    expect(members.map(isFree)).toEqual([false, false])
  })

  it('stay while they are in the hands of a thread', () => {
    const { state, members, retired, isFree, see } = setUp(2, 0)
    state.set(members[0].slot, SLOT.CLAIM, 12_345)
    retired.adopt(isService, 5, upToDate)
    expect([...retired.slotsOf(members[0].service)]).toEqual([members[1].slot])
    see(5)
    expect(members.map(isFree)).toEqual([false, true])
  })

  it('are those of services that are gone, too', () => {
    const { state, members, service, retired, isFree, see } = setUp(1, 0)
    const generation = state.claims.serviceGeneration(service)
    retired.adopt(() => false, 5, upToDate)
    see(5)
    retired.sweep()
    expect(isFree(members[0])).toBe(true)
    expect(state.claims.serviceGeneration(service)).not.toBe(generation)
  })
})

describe('a slot of an endpoint that has left', () => {
  it('is free once nothing is in flight there and every thread has seen it leave, whichever comes last', () => {
    for (const seenFirst of [true, false]) {
      const { members, retired, isFree, see, add } = setUp(1, 1)
      const [{ slot }] = members
      add(slot, SLOT.IN_FLIGHT, 2)
      retired.add(members[0], 5)
      see(seenFirst ? 5 : 4)
      expect(isFree(members[0])).toBe(false)
      expect(retired.inFlight).toBe(2)
      add(slot, SLOT.IN_FLIGHT, -2)
      retired.sweep()
      expect(isFree(members[0])).toBe(seenFirst)
      see(5)
      expect(isFree(members[0])).toBe(true)
      expect(retired.inFlight).toBe(0)
    }
  })

  it('is known as one of its service until then', () => {
    const { members, service, retired, see } = setUp(2, 2)
    retired.add(members[0], 5)
    expect([...retired.slotsOf(service)]).toEqual([members[0].slot])
    expect([...retired.slotsOf(service + 1)]).toEqual([])
    see(5)
    expect([...retired.slotsOf(service)]).toEqual([])
  })

  it('leaves its totals to its service', () => {
    const { state, members, service, retired, see, add } = setUp(1, 1)
    const [{ slot }] = members
    const gone = state.claims.goneSlot(service)
    expect(gone).not.toBe(slot)
    for (const [field, count] of [
      [SLOT.SUCCEEDED, 3],
      [SLOT.FAILED, 2],
      [SLOT.CANCELLED, 1],
    ])
      add(slot, field, count)
    retired.add(members[0], 5)
    see(5)
    const totals = [SLOT.SUCCEEDED, SLOT.FAILED, SLOT.CANCELLED].map((field) => state.get(gone, field))
    expect(totals).toEqual([3, 2, 1])
  })

  it('is no longer known by its number', () => {
    const { members, bySlot, retired, see } = setUp(2, 2)
    retired.add(members[0], 5)
    see(5)
    expect(bySlot[members[0].slot]).toBeUndefined()
    expect(bySlot[members[1].slot]).toBe(members[1])
  })
})
