import { describe, expect, it, vi } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import type { PolicyName, SlowStartConfig } from '../../lib/model/index.js'
import { SlicedBuild } from '../../lib/policy/sliced-build.js'
import { layersOf } from '../../lib/view/layers.js'
import { slowStartFactor, slowStartStepMs } from '../../lib/view/slow-start.js'
import { serviceViews, shares } from '../support/service-view.js'
import { admitAll, endpoint, manualState, setNow } from '../support/state.js'

const WINDOW = { windowMs: 60_000, aggression: 1, minWeightPercent: 10 }

describe('the curve of slow start', () => {
  it.each([
    [0, 0.1],
    [5_999, 0.1],
    [12_000, 0.2],
    [30_000, 0.5],
    [59_999, 59_999 / 60_000],
    [60_000, 1],
    [1e12, 1],
  ])('a straight line from its minimum: after %i ms %d', (ageMs, factor) => {
    expect(slowStartFactor(ageMs, WINDOW)).toBeCloseTo(factor, 12)
  })

  it('aggression bends it: the time factor to the power of 1/aggression', () => {
    expect(slowStartFactor(15_000, { ...WINDOW, aggression: 2 })).toBeCloseTo(0.5, 12)
    expect(slowStartFactor(30_000, { ...WINDOW, aggression: 0.5 })).toBeCloseTo(0.25, 12)
    // No endpoint is younger than a second.
    expect(slowStartFactor(0, { ...WINDOW, minWeightPercent: 1 })).toBeCloseTo(1 / 60, 12)
  })
})

it.each([
  [60_000, 3_000],
  [2_001, 100.05],
  [2_000, 100],
  [1_000, 100],
  [1, 100],
])('in a window of %i ms factors are worked out anew every %d ms', (windowMs, ms) => {
  expect(slowStartStepMs({ ...WINDOW, windowMs })).toBeCloseTo(ms, 9)
})

describe('layers', () => {
  const due = (weights: readonly number[], factors: readonly number[]) => {
    const members = weights.map((weight, i) => ({ weight, i }))
    const found = Array(weights.length).fill(0)
    const layers = layersOf(members, Float64Array.from(factors), ({ weight }) => weight)
    for (const { share, members: inside } of layers) {
      const sum = inside.reduce((total, { weight }) => total + weight, 0)
      for (const { weight, i } of inside) found[i] += (share * weight) / sum
    }
    return { found, layers }
  }

  it('give each endpoint its due times its factor', () => {
    const [weights, factors] = [
      [1, 1, 4, 2, 3],
      [1, 0.1, 0.5, 1, 0.5],
    ]
    const { found, layers } = due(weights, factors)
    const total = weights.reduce((sum, weight, i) => sum + weight * factors[i], 0)
    for (const [i, share] of found.entries()) expect(share).toBeCloseTo((weights[i] * factors[i]) / total, 12)
    expect(layers.map(({ members }) => members.length)).toEqual([5, 4, 2])
    expect(due([1, 1], [0.3, 0.3]).layers.length).toBe(1)
    expect(due([], []).layers).toEqual([{ share: 1, members: [] }])
  })

  it('are few however many factors there are, and near them', () => {
    const factors = Array.from({ length: 500 }, (_, i) => (i + 1) / 500)
    const { found, layers } = due(Array(500).fill(1), factors)
    expect(layers.length).toBeLessThanOrEqual(16)
    expect(found[499] / found[249]).toBeCloseTo(2, 1)
  })
})

describe.each(['random', 'round-robin', 'weighted-round-robin', 'maglev', 'ip-hash'] as PolicyName[])(
  'slow start under %s',
  (policy) => {
    const NOW = 1_000_000
    const setUp = (slowStart: SlowStartConfig = { windowMs: 60_000 }) => {
      const state = manualState(9, NOW)
      const members = admitAll(
        state,
        Array.from({ length: 10 }, (_, i) => endpoint(`e${i}`)),
      )
      for (const { slot } of members) state.setDouble(slot, SLOT.READY_SINCE, NOW - 1e6)
      return { state, members, ...serviceViews(state, members, { policy, slowStart }) }
    }
    const keyed = (i: number) => ({ key: `key ${i}`, clientIp: `10.${i & 255}.${i >> 8}.1` })

    it('a new endpoint gets the share that its age allows, the others the rest evenly', () => {
      const { state, members, view } = setUp()
      state.setDouble(members[0].slot, SLOT.READY_SINCE, NOW)
      const hashed = policy === 'maglev' || policy === 'ip-hash'
      for (const [ageMs, factor] of [
        [0, 0.1],
        [30_000, 0.5],
        [60_000, 1],
      ]) {
        setNow(state, NOW + ageMs)
        let warming = 0
        const found = shares(
          state,
          view(() => warming++),
          members,
          40_000,
          keyed,
        )
        const due = factor / (9 + factor)
        expect(Math.abs(found[0] - due)).toBeLessThan(hashed ? 0.012 : 0.004)
        expect(warming).toBe(ageMs < 60_000 ? 1 : 0)
      }
    })

    it('makes no difference where all are equally new', () => {
      const { state, members, view } = setUp()
      for (const { slot } of members) state.setDouble(slot, SLOT.READY_SINCE, NOW)
      for (const share of shares(state, view(), members, 40_000, keyed)) expect(share).toBeCloseTo(0.1, 1)
    })
  },
)

describe.each(['ring-hash', 'maglev', 'rendezvous'] as const)(
  'keys under %s during a slow start',
  (policy) => {
    it.each([1, 6])('move only to the %i new of 8 endpoints, and stay there', (fresh) => {
      const state = manualState(2)
      const members = admitAll(
        state,
        Array.from({ length: 8 }, (_, i) => endpoint(`e${i}`)),
      )
      const isNew = new Set(members.slice(0, fresh).map(({ slot }) => slot))
      for (const { slot } of members) state.setDouble(slot, SLOT.READY_SINCE, isNew.has(slot) ? 1_000_000 : 0)
      const { view } = serviceViews(state, members, { policy, slowStart: { windowMs: 100_000 } })
      const placed = (nowMs: number) => {
        setNow(state, nowMs)
        const { picker } = view().whole
        return Array.from({ length: 2_000 }, (_, i) => picker({ key: `k${i}` }))
      }
      const [young, older, whole] = [1_010_000, 1_050_000, 1_200_000].map(placed)
      for (let i = 0; i < young.length; i++) {
        // A key that has come to a new endpoint is where it belongs; the others come later, or never.
        if (isNew.has(young[i])) expect(older[i]).toBe(young[i])
        if (isNew.has(older[i])) expect(whole[i]).toBe(older[i])
        if (!isNew.has(older[i])) expect(older[i]).toBe(young[i])
        if (!isNew.has(whole[i])) expect(whole[i]).toBe(older[i])
      }
      const onNew = (slots: number[]) => slots.filter((slot) => isNew.has(slot)).length
      expect(onNew(young)).toBeGreaterThan(0)
      expect(onNew(older)).toBeGreaterThan(onNew(young))
      expect(onNew(whole)).toBeGreaterThan(onNew(older))
    })
  },
)

it('tables are not made anew while endpoints warm up, however many layers there are', () => {
  const state = manualState(2)
  const members = admitAll(
    state,
    Array.from({ length: 8 }, (_, i) => endpoint(`e${i}`)),
  )
  members.forEach(({ slot }, i) => {
    state.setDouble(slot, SLOT.READY_SINCE, 1_000_000 + 10_000 * i)
  })
  const { view } = serviceViews(state, members, { policy: 'maglev', slowStart: { windowMs: 100_000 } })
  const builds = vi.spyOn(SlicedBuild.prototype, 'start')
  try {
    for (const nowMs of [1_080_000, 1_110_000, 1_150_000, 1_300_000]) {
      setNow(state, nowMs)
      expect(view().whole.picker({ key: 'k' })).toBeGreaterThanOrEqual(0)
    }
    expect(builds).toHaveBeenCalledTimes(1)
  } finally {
    builds.mockRestore()
  }
})
