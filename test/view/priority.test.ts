import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { HEALTH } from '../../lib/health/filter.js'
import { priorityLoads } from '../../lib/view/priority.js'
import { serviceViews, shares } from '../support/service-view.js'
import { admitAll, endpoint, manualState } from '../support/state.js'

const ENVOY = { overprovisioningFactor: 1.4, panicThreshold: 0.5 }
/** Levels of 100 endpoints, so many per cent of them healthy; loads in whole per cents, as Envoy's tables have them. */
const loads = (healthy: readonly number[], options = ENVOY) =>
  priorityLoads(
    healthy.map((count) => ({ open: 100, healthy: count, unproven: 100 })),
    options,
  ).map(({ load, panic }) => [Math.floor(load * 100 + 1e-6), panic])
const calm = (...percent: number[]) => percent.map((load) => [load, false])

describe('the load of priority levels is that of the tables of Envoy', () => {
  it.each([
    [[100, 100], calm(100, 0)],
    [[72, 100], calm(100, 0)],
    [[71, 100], calm(99, 0)],
    [[70, 100], calm(98, 2)],
    [[50, 100], calm(70, 30)],
    [[25, 100], calm(35, 65)],
    [[0, 100], calm(0, 100)],
    [[100, 100, 100], calm(100, 0, 0)],
    [[72, 72, 100], calm(100, 0, 0)],
    [[50, 60, 100], calm(70, 30, 0)],
    [[25, 100, 100], calm(35, 65, 0)],
    [[25, 25, 100], calm(35, 35, 30)],
  ])('%j per cent healthy', (healthy, expected) => {
    // 1.4 x 71 is 99.4: Envoy, which counts in whole per cents, hands the one that is left to the next level.
    expect(loads(healthy)).toEqual(expected)
  })

  it.each([
    // Less than 100 in all: each is scaled up, and those below half of their own are in panic.
    [
      [25, 25],
      [
        [50, true],
        [50, true],
      ],
    ],
    [
      [5, 65],
      [
        [7, true],
        [92, false],
      ],
    ],
    [
      [50, 0],
      [
        [100, false],
        [0, true],
      ],
    ],
    [
      [0, 0],
      [
        [50, true],
        [50, true],
      ],
    ],
  ])('%j per cent healthy: panic', (healthy, expected) => {
    expect(loads(healthy as number[])).toEqual(expected)
  })

  it('in total panic goes by the size of the levels, those alone that are not proven broken', () => {
    const levels = [
      { open: 30, healthy: 1, unproven: 30 },
      { open: 10, healthy: 0, unproven: 10 },
      { open: 20, healthy: 0, unproven: 0 },
      { open: 0, healthy: 0, unproven: 0 },
    ]
    expect(priorityLoads(levels, ENVOY).map(({ load }) => load)).toEqual([0.75, 0.25, 0, 0])
  })

  it('without panic threshold and without a healthy endpoint nobody gets anything', () => {
    expect(loads([0, 0], { ...ENVOY, panicThreshold: 0 })).toEqual(calm(0, 0))
    expect(priorityLoads([], ENVOY)).toEqual([])
  })

  it('an overprovisioning factor of 1 hands on each per cent that is missing', () => {
    expect(loads([90, 100], { ...ENVOY, overprovisioningFactor: 1 })).toEqual(calm(90, 10))
  })
})

describe('requests over priority levels', () => {
  const setUp = (config = {}) => {
    const state = manualState(11)
    const members = admitAll(
      state,
      Array.from({ length: 20 }, (_, i) => endpoint(`e${i}`, { priority: i < 10 ? 0 : 3 })),
    )
    const break_ = (indexes: readonly number[]) => {
      for (const i of indexes) state.set(members[i].slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    }
    return { state, members, break_, ...serviceViews(state, members, { policy: 'random', ...config }) }
  }

  it('spill as far as the first level falls short of 1/1.4, and no further', () => {
    const { state, members, break_, view } = setUp()
    break_([0, 1])
    const whole = shares(state, view(), members, 2_000)
    expect(whole.slice(10)).toEqual(Array(10).fill(0))
    expect(whole.slice(0, 2)).toEqual([0, 0])
    break_([2, 3, 4])
    const spilt = shares(state, view(), members, 100_000)
    expect(spilt.slice(0, 5)).toEqual(Array(5).fill(0))
    for (const share of spilt.slice(5, 10)) expect(share).toBeCloseTo(0.7 / 5, 2)
    for (const share of spilt.slice(10)) expect(share).toBeCloseTo(0.3 / 10, 2)
  })

  it('use a level that is in panic whole, or not at all with failTrafficOnPanic', () => {
    const { state, members, break_, view } = setUp()
    break_([...Array(9).keys(), ...Array.from({ length: 9 }, (_, i) => 10 + i)])
    expect(view().whole).toMatchObject({ panic: true, usable: members })
    for (const share of shares(state, view(), members, 50_000)) expect(share).toBeCloseTo(0.05, 2)
    const failing = setUp({ failTrafficOnPanic: true })
    failing.break_([...Array(9).keys(), ...Array.from({ length: 9 }, (_, i) => 10 + i)])
    expect(failing.view().whole).toMatchObject({ panic: true, usable: [] })
    expect(failing.view().whole.picker({})).toBe(-1)
    // Nor by a further try that has nowhere else to go.
    expect(failing.view().whole.spare).toEqual([])
  })

  it('keep those that are healthy and not preferred for further tries', () => {
    const { members, break_, view } = setUp()
    break_([0, 11])
    expect(view().whole.spare).toEqual(members.filter((_, i) => i >= 10 && i !== 11))
    // The next level is preferred as well now.
    break_([1, 2, 3, 4])
    expect(view().whole.spare).toEqual([])
  })

  it('go to the next level where every endpoint of one is at its limit', () => {
    const state = manualState()
    const members = admitAll(
      state,
      Array.from({ length: 4 }, (_, i) => endpoint(`e${i}`, { priority: i >> 1 })),
      1,
    )
    state.set(members[0].slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    const { picker } = serviceViews(state, members, { policy: 'round-robin' }).view().whole
    expect(new Set([picker({}), picker({}), picker({})])).toEqual(
      new Set(members.slice(1).map(({ slot }) => slot)),
    )
    expect(picker({})).toBe(-1)
  })
})
