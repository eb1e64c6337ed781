/** Prequal's rule and pool, one by one, and the policy with probes that a test answers. */
import { describe, expect, it } from 'vitest'
import { OUTCOME } from '../../lib/engine/layout.js'
import type { LoadReport } from '../../lib/model/index.js'
import { HotThreshold, isBetter, type ProbeResult } from '../../lib/policy/hot-cold.js'
import { ProbePool, reuse } from '../../lib/policy/probe-pool.js'
import { seeded } from '../support/seeded.mjs'
import { admitAll, endpoint, inFlight, manualState, open, setNow, viewOf } from '../support/state.js'

const OPTIONS = { poolSize: 16, maxProbeAgeMs: 1_000, probesPerRequest: 3, hotQuantile: 0.84 }
const result = (slot: number, inFlight: number, latencyMs: number, at = 0, usesLeft = 100): ProbeResult => ({
  slot,
  inFlight,
  latencyMs,
  at,
  usesLeft,
})
const all = () => true
/** Looks at the results from the oldest on. */
const oldest = () => 0

describe('the hot-cold rule', () => {
  it.each([
    ['cold before hot, however slow', result(0, 2, 900), result(1, 9, 1), true],
    ['of hot ones the less loaded', result(0, 8, 900), result(1, 9, 1), true],
    ['of cold ones the quicker', result(0, 5, 10), result(1, 0, 11), true],
    ['hot is above the threshold, not at it', result(0, 5, 10), result(1, 6, 1), true],
  ])('%s', (_, a, b, better) => {
    expect(isBetter(a, b, 5)).toBe(better)
    expect(isBetter(b, a, 5)).toBe(!better)
  })

  it.each([
    ['near latencies are equal', result(0, 0, 5), result(1, 0, 25), false, false],
    ['of near ones the one with less in flight', result(0, 0, 25), result(1, 1, 5), true, false],
    ['latencies that are not near count', result(0, 0, 5), result(1, 0, 31), true, false],
    ['and above one request in flight all do', result(0, 2, 5), result(1, 0, 6), true, false],
  ])('at rest: %s', (_, a, b, better, worse) => {
    expect(isBetter(a, b, 5)).toBe(better)
    expect(isBetter(b, a, 5)).toBe(worse)
  })

  it('has its threshold at the quantile of the last 128 probes', () => {
    const threshold = new HotThreshold(0.84)
    expect(threshold.value).toBe(Number.POSITIVE_INFINITY)
    const below = seeded(1)
    const seen: number[] = []
    for (let i = 0; i < 1_000; i++) {
      const inFlight = below(50)
      seen.push(inFlight)
      threshold.add(inFlight)
      const last = seen.slice(-128).sort((a, b) => a - b)
      expect(threshold.value).toBe(last[Math.floor(0.84 * last.length)])
    }
  })

  it('looks at latency alone with a quantile of 1, and at requests in flight alone with 0', () => {
    const [one, none] = [new HotThreshold(1), new HotThreshold(0)]
    for (const threshold of [one, none]) threshold.add(7)
    expect(isBetter(result(0, 100, 1), result(1, 0, 2), one.value)).toBe(true)
    expect(isBetter(result(0, 0, 900), result(1, 1, 1), none.value)).toBe(true)
  })
})

describe('the pool', () => {
  it('drops what is older than a second', () => {
    const pool = new ProbePool(OPTIONS)
    for (let slot = 0; slot < 3; slot++) pool.add(result(slot, 0, 10, slot * 100))
    expect(pool.take(1_100, all, oldest)).not.toBe(0)
    expect(pool.take(1_201, all, oldest)).toBe(-1)
    expect(pool.size).toBe(0)
  })

  it('keeps at most 16, one for each endpoint, the newest', () => {
    const pool = new ProbePool(OPTIONS)
    for (let slot = 0; slot < 20; slot++) pool.add(result(slot, 0, 100 - slot))
    expect(pool.size).toBe(16)
    pool.add(result(5, 0, 1))
    expect(pool.size).toBe(16)
    expect(pool.take(0, all, oldest)).toBe(5)
  })

  it('gives up with fewer than two, and knows only usable endpoints', () => {
    const pool = new ProbePool(OPTIONS)
    pool.add(result(1, 0, 1))
    expect(pool.take(0, all, oldest)).toBe(-1)
    for (let slot = 2; slot < 6; slot++) pool.add(result(slot, 0, slot))
    expect(pool.take(0, (slot) => slot !== 1, oldest)).toBe(2)
  })

  it('begins with any of the results, so that equals share', () => {
    for (let from = 0; from < 3; from++) {
      const pool = new ProbePool(OPTIONS)
      for (let slot = 0; slot < 3; slot++) pool.add(result(slot, 0, 5 + slot))
      expect(pool.take(0, all, (n) => from % n)).toBe(from)
    }
  })

  it('counts what it sent: the same result is not best for ever', () => {
    // With a quantile of 0 all are hot: requests in flight alone decide. Of equals it is the older one.
    const pool = new ProbePool({ ...OPTIONS, hotQuantile: 0 })
    for (const [slot, inFlight] of [
      [1, 9],
      [2, 3],
      [3, 2],
      [4, 3],
      [5, 9],
    ])
      pool.add(result(slot, inFlight, 10))
    // The oldest, 1, goes with the first, then the worst, 5.
    expect([pool.take(0, all, oldest), pool.take(0, all, oldest), pool.take(0, all, oldest)]).toEqual([
      3, 2, 3,
    ])
  })

  it('removes one a request, in turn the oldest and the worst', () => {
    // With a quantile of 1 all are cold: latency alone decides.
    const pool = new ProbePool({ ...OPTIONS, hotQuantile: 1 })
    const left: number[] = []
    const only = (slot: number) => {
      left.push(slot)
      return true
    }
    for (const [slot, latency] of [
      [1, 20],
      [2, 1],
      [3, 30],
      [5, 90],
      [4, 40],
    ])
      pool.add(result(slot, 0, latency))
    for (const expected of [
      [1, 2, 3, 4, 5],
      [2, 3, 4, 5],
      [2, 3, 4],
      [3, 4],
    ]) {
      left.length = 0
      pool.take(0, only, oldest)
      expect(left.sort()).toEqual(expected)
    }
    expect(pool.size).toBe(1)
  })

  it('uses a result as often as the paper says, then drops it', () => {
    const pool = new ProbePool({ ...OPTIONS, hotQuantile: 1 })
    for (let slot = 1; slot <= 16; slot++) pool.add(result(slot, 0, slot === 9 ? 1 : 50, 0, 2))
    const picks = Array.from({ length: 4 }, () => pool.take(0, all, oldest))
    expect(picks.filter((slot) => slot === 9).length).toBe(2)
    // max(1, (1 + 1) / ((1 - m/n) 3 - 1))
    expect(reuse(OPTIONS, 100)).toBeCloseTo(2 / (0.84 * 3 - 1), 10)
    expect(reuse(OPTIONS, 1e9)).toBeCloseTo(1, 6)
    expect(reuse(OPTIONS, 16)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('prequal', () => {
  const members = (state: ReturnType<typeof manualState>, n: number) =>
    admitAll(
      state,
      Array.from({ length: n }, (_, i) => endpoint(`e${i}`)),
    )

  it('keeps away from a loaded endpoint by what its own threads know', () => {
    const state = manualState(5)
    const some = members(state, 12)
    for (const { slot } of some) state.setLatency(slot, 10)
    const picker = open(state, 'prequal').picker(viewOf(state, some))
    for (let i = 0; i < 50; i++) state.core.reserve(some[0].slot)
    const before = inFlight(state, some)[0]
    for (let i = 0; i < 300; i++) {
      const slot = picker({})
      setNow(state, 1_000_000 + i)
      if (slot !== some[0].slot) state.core.end(slot, 0, OUTCOME.SUCCEEDED, 10)
    }
    expect(inFlight(state, some)[0] - before).toBeLessThan(5)
  })

  it('keeps away from an endpoint that is silent, however quick its answers were', () => {
    const state = manualState(5)
    const some = members(state, 3)
    const policy = open(state, 'prequal')
    const picker = policy.picker(viewOf(state, some))
    let now = 1_000_000
    const ask = (answersIn: (slot: number) => boolean): number => {
      const slot = picker({})
      const startedAt = state.core.startedAt()
      setNow(state, (now += 5))
      if (!answersIn(slot)) return slot
      state.core.end(slot, startedAt, OUTCOME.SUCCEEDED, Number.NaN)
      policy.answered?.(slot, startedAt, Number.NaN, true)
      policy.ended?.(slot, startedAt)
      return slot
    }
    for (let i = 0; i < 60; i++) ask(() => true)
    const hung = some[1].slot
    const picks = Array.from({ length: 1_000 }, () => ask((slot) => slot !== hung))
    // One is how it is found; the look at it is up to a pick old.
    expect(picks.filter((slot) => slot === hung).length).toBeLessThanOrEqual(3)
  })

  it('takes a wait that was given up for the least that an answer takes', () => {
    const share = (waitMs: number): number => {
      const state = manualState(5)
      const some = members(state, 2)
      const policy = open(state, 'prequal')
      const picker = policy.picker(viewOf(state, some))
      let now = 1_000_000
      let first = 0
      for (let i = 0; i < 400; i++) {
        const slot = picker({})
        const startedAt = state.core.startedAt()
        setNow(state, (now += 10))
        const isAnswer = slot !== some[0].slot || i < 40
        const tookMs = isAnswer ? 60 : waitMs
        state.core.end(slot, startedAt, isAnswer ? OUTCOME.SUCCEEDED : OUTCOME.CANCELLED, tookMs)
        policy.answered?.(slot, startedAt, tookMs, isAnswer)
        policy.ended?.(slot, startedAt)
        if (slot === some[0].slot) first++
      }
      return first / 400
    }
    // Callers who leave after 1 ms do not make it look quicker than the other's 60, those who waited for 500 slower.
    expect(Math.abs(share(1) - 0.5)).toBeLessThan(0.1)
    expect(share(500)).toBeLessThan(0.2)
  })

  it('sends three probes a request, none to an endpoint that still owes an answer, and goes by the answers', async () => {
    const state = manualState(2)
    const some = members(state, 20)
    const asked: string[] = []
    const below = seeded(1)
    const underWay = new Set<string>()
    const answers: (() => void)[] = []
    const probe = (to: { id: string }): Promise<LoadReport | undefined> =>
      new Promise((resolve) => {
        expect(underWay.has(to.id)).toBe(false)
        underWay.add(to.id)
        asked.push(to.id)
        answers.push(() => {
          underWay.delete(to.id)
          // e7 is quick and idle, all others are neither.
          const [rif, latency] = to.id === 'e7' ? [1, 1] : [5 + below(10), 500]
          resolve({ named: { rif, latency_ms: latency } })
        })
      })
    const policy = open(state, 'prequal', { probePath: '/load' }, { probe })
    const picker = policy.picker(viewOf(state, some))
    picker({})
    expect(asked.length).toBeGreaterThanOrEqual(1)
    expect(asked.length).toBeLessThanOrEqual(3)
    let toQuick = 0
    for (let i = 0; i < 400; i++) {
      const slot = picker({})
      if (slot === some[7].slot) toQuick++
      state.core.end(slot, 0, OUTCOME.SUCCEEDED, 10)
      for (const answer of answers.splice(0)) answer()
      await Promise.resolve()
      await Promise.resolve()
    }
    expect(asked.length).toBeGreaterThan(2 * 400)
    expect(asked.length).toBeLessThanOrEqual(3 * 401)
    expect(toQuick).toBeGreaterThan(100)
    policy.close?.()
  })

  it('goes at random while no probe is answered, or answered with something else', async () => {
    for (const probe of [
      () => Promise.reject(new Error('refused')),
      () => Promise.resolve(undefined),
      () => Promise.resolve({ named: { rif: -1, latency_ms: 1 } }),
      () => Promise.resolve({ named: { rif: 1, latency_ms: Number.NaN } }),
    ]) {
      const state = manualState(9)
      const some = members(state, 4)
      const picker = open(state, 'prequal', { probePath: '/load' }, { probe }).picker(viewOf(state, some))
      for (let i = 0; i < 400; i++) {
        picker({})
        if (i % 10 === 0) await Promise.resolve()
      }
      for (const count of inFlight(state, some)) expect(count).toBeGreaterThan(60)
    }
  })
})
