import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { HEALTH } from '../../lib/health/filter.js'
import { apertureOf, ringOrder } from '../../lib/view/aperture.js'
import { serviceViews, shares } from '../support/service-view.js'
import { admitAll, endpoint, manualState } from '../support/state.js'

describe('apertures over all callers', () => {
  it.each([
    [100, 10, 12],
    [100, 7, 12],
    [37, 11, 12],
    [13, 1_000, 12],
    [1_000, 1_000, 12],
    [12, 5, 12],
    [5, 3, 12],
    [50, 49, 1],
    [17, 4, 15],
  ])('%i endpoints, %i callers, size %i: each endpoint has the same load', (n, totalInstances, size) => {
    const load = new Float64Array(n)
    for (let instanceId = 0; instanceId < totalInstances; instanceId++) {
      const covered = apertureOf(n, { instanceId, totalInstances, size })
      const width = covered.reduce((sum, { share }) => sum + share, 0)
      expect(width).toBeGreaterThanOrEqual(Math.min(n, size) - 1e-6)
      expect(new Set(covered.map(({ position }) => position)).size).toBe(covered.length)
      for (const { position, share } of covered) {
        expect(share).toBeGreaterThan(0)
        expect(share).toBeLessThanOrEqual(1)
        load[position] += share / width
      }
    }
    for (const each of load) expect(each).toBeCloseTo(totalInstances / n, 9)
  })

  it('are no longer than they have to be', () => {
    const covered = apertureOf(100, { instanceId: 3, totalInstances: 50, size: 12 })
    expect(covered.map(({ position }) => position)).toEqual([...Array(12).keys()].map((i) => i + 6))
    // A caller's own width is 2.5 endpoints: five of them hold 12.
    expect(
      apertureOf(100, { instanceId: 0, totalInstances: 40, size: 12 }).map(({ share }) => share),
    ).toEqual([...Array(12).fill(1), 0.5])
  })
})

describe('the ring', () => {
  it('is in the same order whatever the order of the configuration, and ties go by id', () => {
    const members = ['b', 'a', 'd', 'c'].map((id) => ({ endpoint: { id } }))
    const hash = (id: string) => (id < 'c' ? 7 : 3)
    const ids = (list: typeof members) => ringOrder(list, hash).map(({ endpoint: { id } }) => id)
    expect(ids(members)).toEqual(['c', 'd', 'a', 'b'])
    expect(ids([...members].reverse())).toEqual(['c', 'd', 'a', 'b'])
    expect(ids([])).toEqual([])
  })
})

describe('requests through an aperture', () => {
  const setUp = (instanceId: number, config = {}) => {
    const state = manualState(3 + instanceId)
    const members = admitAll(
      state,
      Array.from({ length: 40 }, (_, i) => endpoint(`e${i}`)),
    )
    const aperture = { instanceId, totalInstances: 7, size: 12 }
    return { state, members, ...serviceViews(state, members, { policy: 'random', aperture, ...config }) }
  }

  it.each(['random', 'round-robin', 'least-request'] as const)(
    '%s: all callers together load each endpoint the same',
    (policy) => {
      const load = Array(40).fill(0)
      for (let instanceId = 0; instanceId < 7; instanceId++) {
        const { state, members, view } = setUp(instanceId, { policy })
        const found = shares(state, view(), members, 60_000)
        expect(found.filter((share) => share > 0).length).toBeLessThan(20)
        found.forEach((share, i) => {
          load[i] += share
        })
      }
      for (const each of load) expect(Math.abs(each / (7 / 40) - 1)).toBeLessThan(0.05)
    },
  )

  it('go round endpoints that are drained', () => {
    const { state, members, view } = setUp(2)
    const drained = view().whole.usable.slice(0, 7)
    for (const { slot } of drained) state.set(slot, SLOT.ADMIN, 1)
    const after = view().whole.usable
    for (const member of drained) expect(after).not.toContain(member)
    expect(after.length).toBeGreaterThanOrEqual(12)
    expect(after.length).toBeLessThan(members.length / 2)
  })

  it('are left to the other endpoints of the aperture while half of it is healthy, then to all', () => {
    const { state, members, view } = setUp(2)
    const mine = view().whole.usable
    const break_ = (count: number) => {
      for (const { slot } of mine.slice(0, count)) state.set(slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    }
    break_(6)
    expect(new Set(view().whole.usable)).toEqual(new Set(mine.slice(6)))
    break_(mine.length - 1)
    const healthy = members.filter(({ slot }) => state.get(slot, SLOT.HEALTH) !== HEALTH.UNHEALTHY)
    expect(view().whole.usable).toEqual(healthy)
  })
})
