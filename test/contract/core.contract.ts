/** What every engine's core does: one suite, as a function of the factory. */
import { beforeEach, describe, expect, test } from 'vitest'
import { bucketOf } from '../../lib/engine/atomics/histogram.js'
import type { Core, CoreFactory } from '../../lib/engine/contract.js'
import {
  HEADER,
  MAX_LATENCY_MS,
  OUTCOME,
  SERVICE,
  SLOT,
  serviceWord,
  TICKS_PER_MS,
} from '../../lib/engine/layout.js'
import { drawTable } from '../../lib/engine/weighted-draw.js'
import { ArgumentError } from '../../lib/errors.js'
import { monotonicNow } from '../../lib/runtime/clock.js'
import { Block, distributorNames, type SlotSettings, spec } from './block.js'

const { SUCCEEDED, FAILED, CANCELLED } = OUTCOME
const NO_SAMPLE = -1
const MEASURE = Number.NaN
const TWO_TO_32 = 4294967296

export function coreContract(factory: CoreFactory): void {
  const made = (slots: number, settings?: SlotSettings, seed?: number) => {
    const block = new Block(slots, settings, seed)
    return { block, core: block.core(factory) }
  }

  describe('reservations', () => {
    test('the in-flight count and the thread’s contribution follow each reservation and each end', () => {
      const { block, core } = made(3)
      for (let i = 0; i < 5; i++) expect(core.reserve(1)).toBe(true)
      expect([block.get(1, SLOT.IN_FLIGHT), block.contribution(1, 0)]).toEqual([5, 5])
      for (let i = 0; i < 3; i++) core.end(1, core.startedAt(), SUCCEEDED, NO_SAMPLE)
      expect([block.get(1, SLOT.IN_FLIGHT), block.contribution(1, 0)]).toEqual([2, 2])
      expect([block.get(0, SLOT.IN_FLIGHT), block.get(2, SLOT.IN_FLIGHT)]).toEqual([0, 0])
    })

    test('a limit is never exceeded, whoever reserves, and a refusal leaves nothing behind', () => {
      const block = new Block(1, { limit: 3 })
      const first = block.core(factory, 0)
      const second = block.core(factory, 1)
      expect([first, second, first, second, first].map((core) => core.reserve(0))).toEqual([
        true,
        true,
        true,
        false,
        false,
      ])
      expect(block.get(0, SLOT.IN_FLIGHT)).toBe(3)
      expect([block.contribution(0, 0), block.contribution(0, 1)]).toEqual([2, 1])
      first.end(0, 0, SUCCEEDED, NO_SAMPLE)
      expect(second.reserve(0)).toBe(true)
      expect(second.reserve(0)).toBe(false)
    })

    test('a limit that was lowered below the count refuses until enough have ended', () => {
      const { block, core } = made(1)
      for (let i = 0; i < 4; i++) core.reserve(0)
      block.set(0, SLOT.LIMIT, 2)
      expect(core.reserve(0)).toBe(false)
      for (let i = 0; i < 2; i++) core.end(0, 0, SUCCEEDED, NO_SAMPLE)
      expect(core.reserve(0)).toBe(false)
      core.end(0, 0, SUCCEEDED, NO_SAMPLE)
      expect(core.reserve(0)).toBe(true)
    })

    test('a limit below 0 is of unanswered requests', () => {
      const { block, core } = made(1, { limit: -2 })
      expect([core.reserve(0), core.reserve(0), core.reserve(0)]).toEqual([true, true, false])
      core.answer(0, 0, SUCCEEDED, NO_SAMPLE)
      expect([core.reserve(0), core.reserve(0)]).toEqual([true, false])
      core.close(0, false)
      expect(core.reserve(0)).toBe(false)
      core.end(0, 0, SUCCEEDED, NO_SAMPLE)
      expect([core.reserve(0), core.reserve(0)]).toEqual([true, false])
      expect(block.get(0, SLOT.IN_FLIGHT)).toBe(2)
      for (const distributor of distributorNames) expect(core.picker(spec(distributor, 1))()).toBe(-1)
    })

    test('and the most in flight holds besides', () => {
      const { block, core } = made(1, { limit: -2 })
      block.set(0, SLOT.MOST, 3)
      for (let i = 0; i < 3; i++) {
        expect(core.reserve(0)).toBe(true)
        core.answer(0, 0, SUCCEEDED, NO_SAMPLE)
      }
      expect(core.reserve(0)).toBe(false)
      core.close(0, false)
      expect(core.reserve(0)).toBe(true)
    })

    test('endedAt is the time of the last sample', () => {
      const { block, core } = made(1)
      core.reserve(0)
      core.reserve(0)
      block.setNow(2_000_000)
      core.answer(0, 1_000_000, SUCCEEDED, Number.NaN)
      expect(core.endedAt()).toBe(2_000_000)
      block.setNow(2_000_100)
      core.close(0, false)
      core.end(0, 1_000_000, SUCCEEDED, 5)
      expect(core.endedAt()).toBe(2_000_100)
    })

    test('startedAt is the time of the last reservation that succeeded', () => {
      const { block, core } = made(1, { limit: 1 })
      block.setNow(5_000)
      core.reserve(0)
      block.setNow(6_000)
      expect(core.reserve(0)).toBe(false)
      expect(core.startedAt()).toBe(5_000)
      for (const distributor of distributorNames) expect(core.picker(spec(distributor, 1))()).toBe(-1)
      expect(core.startedAt()).toBe(5_000)
    })

    test('slots of the second and third segment are as good as those of the first', () => {
      const { block, core } = made(2_100)
      const slots = [5, 1_023, 1_024, 2_047, 2_048, 2_099]
      for (const slot of slots) {
        core.reserve(slot)
        core.end(slot, 0, SUCCEEDED, 3)
        core.reserve(slot)
      }
      for (const slot of slots) {
        expect([block.get(slot, SLOT.IN_FLIGHT), block.contribution(slot, 0)]).toEqual([1, 1])
        expect(block.total(slot, SLOT.SUCCEEDED)).toBe(1n)
        expect(block.buckets(slot)).toEqual({ [bucketOf(3)]: 1 })
        expect(block.latency(slot).average).toBe(3)
      }
      expect(block.get(1_025, SLOT.IN_FLIGHT)).toBe(0)
    })
  })

  describe('silence', () => {
    const picked = (core: Core) => core.latency(0, core.now())

    test('begins with the first request after an answer, and ends with the next answer', () => {
      const { block, core } = made(1, { decayMs: 1e30 })
      block.setLatency(0, 4, 1_000_000)
      core.reserve(0)
      block.setNow(1_000_003)
      expect(picked(core)).toBe(4)
      core.reserve(0)
      block.setNow(1_000_250)
      // Since the first of the two; the lowest bit of its ticks is set.
      expect(picked(core)).toBe(250 - 1 / 16)
      core.end(0, 0, SUCCEEDED, NO_SAMPLE)
      expect(picked(core)).toBe(4)
      block.setNow(1_000_900)
      // The other one is unanswered still, and nothing was sent since the answer: that says nothing.
      expect(picked(core)).toBe(4)
      core.reserve(0)
      block.setNow(1_001_000)
      expect(picked(core)).toBe(100 - 1 / 16)
    })

    test.each([
      ['an answer with a failing status ends it', OUTCOME.FAILED, 4],
      ['a request that is given up does not', OUTCOME.CANCELLED, 1_000 - 1 / 16],
      ['nor one that is lost', OUTCOME.LOST, 1_000 - 1 / 16],
    ])('%s', (_what, outcome, expected) => {
      const { block, core } = made(1, { decayMs: 1e30 })
      block.setLatency(0, 4, 1_000_000)
      core.reserve(0)
      core.reserve(0)
      block.setNow(1_001_000)
      core.end(0, 0, outcome, NO_SAMPLE)
      expect(picked(core)).toBe(expected)
    })

    test('with nothing unanswered there is none, and the next request begins anew', () => {
      const { block, core } = made(1, { decayMs: 1e30 })
      block.setLatency(0, 4, 1_000_000)
      core.reserve(0)
      block.setNow(1_001_000)
      core.end(0, 0, CANCELLED, NO_SAMPLE)
      expect(picked(core)).toBe(4)
      block.setNow(1_005_000)
      core.reserve(0)
      block.setNow(1_005_010)
      expect(picked(core)).toBe(10 - 1 / 16)
    })

    test('open streams are answered: they are in flight and not silent', () => {
      const { block, core } = made(1, { decayMs: 1e30 })
      block.setLatency(0, 4, 1_000_000)
      core.reserve(0)
      core.answer(0, 1_000_000, SUCCEEDED, 4)
      block.setNow(1_060_000)
      expect([picked(core), block.get(0, SLOT.IN_FLIGHT), block.get(0, SLOT.OPEN)]).toEqual([4, 1, 1])
      core.reserve(0)
      block.setNow(1_060_100)
      expect(picked(core)).toBe(100 - 1 / 16)
      core.close(0, false)
      expect([block.get(0, SLOT.IN_FLIGHT), block.get(0, SLOT.OPEN)]).toEqual([1, 0])
      expect(picked(core)).toBe(100 - 1 / 16)
    })

    test.each([0, 5])('the same below a limit of %i', (limit) => {
      const { block, core } = made(2, { limit, decayMs: 1e30 })
      const pick = core.picker(spec('round robin', 1))
      pick()
      block.setNow(1_000_500)
      expect(picked(core)).toBe(500 - 1 / 16)
    })
  })

  describe('an outcome in two parts', () => {
    test('answer counts it, takes the sample and keeps the place; close gives the place back', () => {
      const { block, core } = made(1)
      core.reserve(0)
      core.answer(0, 0, SUCCEEDED, 3)
      expect(block.total(0, SLOT.SUCCEEDED)).toBe(1n)
      expect(block.latency(0).average).toBe(3)
      expect(block.buckets(0)).toEqual({ [bucketOf(3)]: 1 })
      expect([block.get(0, SLOT.IN_FLIGHT), block.contribution(0, 0)]).toEqual([1, 1])
      core.close(0, false)
      expect([block.get(0, SLOT.IN_FLIGHT), block.contribution(0, 0)]).toEqual([0, 0])
      expect([block.total(0, SLOT.SUCCEEDED), block.total(0, SLOT.FAILED)]).toEqual([1n, 0n])
    })

    test('a body that broke moves the request from succeeded to failed', () => {
      const { block, core } = made(1)
      core.reserve(0)
      core.answer(0, 0, SUCCEEDED, 3)
      core.close(0, true)
      expect([block.total(0, SLOT.SUCCEEDED), block.total(0, SLOT.FAILED)]).toEqual([0n, 1n])
      expect(block.get(0, SLOT.IN_FLIGHT)).toBe(0)
    })

    test.each([true, false])(
      'what was not answered well may raise the average, never lower it (peak: %s)',
      (peak) => {
        for (const outcome of [FAILED, CANCELLED, OUTCOME.LOST]) {
          const { block, core } = made(1, { decayMs: 1_000, peak })
          block.setLatency(0, 100, 1_000_000)
          block.setNow(1_001_000)
          core.reserve(0)
          core.end(0, 0, outcome, 30)
          // 100 has decayed to 37 by now.
          expect(block.latency(0).average).toBe(100)
          expect(core.latency(0, 1_001_000)).toBeCloseTo(36.79, 1)
          core.reserve(0)
          core.end(0, 0, outcome, 60)
          expect(core.latency(0, 1_001_000)).toBeGreaterThan(36.79)
          core.reserve(0)
          core.end(0, 0, outcome, 500)
          if (peak) expect(block.latency(0).average).toBe(500)
          expect(block.buckets(0)).toEqual({})
        }
      },
    )
  })

  describe('outcomes', () => {
    test('each outcome counts in its own total', () => {
      const { block, core } = made(1)
      for (const outcome of [SUCCEEDED, FAILED, FAILED, CANCELLED, CANCELLED, CANCELLED]) {
        core.reserve(0)
        core.end(0, 0, outcome, NO_SAMPLE)
      }
      const totals = [SLOT.SUCCEEDED, SLOT.FAILED, SLOT.CANCELLED].map((field) => block.total(0, field))
      expect(totals).toEqual([1n, 2n, 3n])
    })

    test('totals go on beyond 2^32', () => {
      const { block, core } = made(1)
      block.setTotal(0, SLOT.SUCCEEDED, 2n ** 32n - 2n)
      for (let i = 0; i < 4; i++) {
        core.reserve(0)
        core.end(0, 0, SUCCEEDED, NO_SAMPLE)
      }
      expect(block.total(0, SLOT.SUCCEEDED)).toBe(2n ** 32n + 2n)
      expect(block.total(0, SLOT.FAILED)).toBe(0n)
    })

    test('a negative latency is no sample', () => {
      const { block, core } = made(1)
      core.reserve(0)
      core.end(0, 0, SUCCEEDED, NO_SAMPLE)
      expect(block.latency(0)).toEqual({ average: 0, ticks: 0 })
      expect(block.buckets(0)).toEqual({})
    })

    test('NaN has the latency measured from the pick', () => {
      const { block, core } = made(1)
      core.reserve(0)
      const startedAt = core.startedAt()
      block.setNow(1_000_250)
      core.end(0, startedAt, SUCCEEDED, MEASURE)
      expect(block.latency(0).average).toBe(250)
      expect(block.buckets(0)).toEqual({ [bucketOf(250)]: 1 })
    })

    test.each([
      ['a pick after the present', 2_000_000, MEASURE, 0],
      ['a pick at no time', Number.NaN, MEASURE, 0],
      ['an infinite latency', 0, Number.POSITIVE_INFINITY, MAX_LATENCY_MS],
      ['one above the top', 0, MAX_LATENCY_MS + 1, MAX_LATENCY_MS],
    ])('%s is cut to the range of latencies', (_, startedAt, latencyMs, expected) => {
      const { block, core } = made(1)
      core.reserve(0)
      core.end(0, startedAt, SUCCEEDED, latencyMs)
      expect(block.latency(0).average).toBe(Math.fround(expected))
      expect(block.buckets(0)).toEqual({ [bucketOf(expected)]: 1 })
    })

    test('the histogram is the one that the slot names, if it names one', () => {
      const { block, core } = made(4)
      block.configure(1, { histogram: 3 })
      block.configure(2, { histogram: -1 })
      for (const slot of [1, 2]) {
        core.reserve(slot)
        core.end(slot, 0, SUCCEEDED, 1)
      }
      expect([0, 1, 2, 3].map((histogram) => block.buckets(histogram))).toEqual([
        {},
        {},
        {},
        { [bucketOf(1)]: 1 },
      ])
    })

    test('a histogram that is none of this core’s takes no sample', () => {
      const { block, core } = made(1)
      block.configure(0, { histogram: 5_000_000 })
      core.reserve(0)
      core.end(0, 0, SUCCEEDED, 1)
      expect(block.buckets(0)).toEqual({})
      expect(block.total(0, SLOT.SUCCEEDED)).toBe(1n)
    })
  })

  describe('latency average', () => {
    /** One sample of `ms` at the time `now`. */
    const sample = (block: Block, core: ReturnType<Block['core']>, now: number, ms: number) => {
      block.setNow(now)
      core.reserve(0)
      core.end(0, now, SUCCEEDED, ms)
    }

    test('the first sample is the average; later ones weigh 1 - e^(-dt/decay)', () => {
      const { block, core } = made(1, { decayMs: 1_000 })
      let now = 1_000_000
      sample(block, core, now, 80)
      expect(block.latency(0).average).toBe(80)
      let expected = 80
      for (const [dt, ms] of [
        [100, 20],
        [1_000, 200],
        [5_000, 1],
        [30, 75],
      ]) {
        now += dt
        sample(block, core, now, ms)
        const kept = Math.exp(-dt / 1_000)
        expected = expected * kept + ms * (1 - kept)
        expect(block.latency(0).average / expected).toBeCloseTo(1, 5)
      }
    })

    test('with the peak flag the average jumps up to two slow samples in a row, and comes down slowly', () => {
      const { block, core } = made(1, { decayMs: 1_000, peak: true })
      sample(block, core, 1_000_000, 10)
      sample(block, core, 1_000_000, 500)
      expect(block.latency(0).average).toBe(10)
      sample(block, core, 1_000_001, 400)
      expect(block.latency(0).average).toBe(400)
      sample(block, core, 1_000_101, 10)
      const kept = Math.exp(-0.1)
      expect(block.latency(0).average / (400 * kept + 10 * (1 - kept))).toBeCloseTo(1, 5)
    })

    test('with the peak flag one hiccup between quick answers is no peak', () => {
      const { block, core } = made(1, { decayMs: 1e9, peak: true })
      for (const ms of [10, 500, 10, 500, 10]) sample(block, core, 1_000_000, ms)
      expect(block.latency(0).average).toBe(10)
    })

    test('samples of one and the same moment, or of an earlier one, do not move a plain average', () => {
      const { block, core } = made(1)
      sample(block, core, 1_000_000, 10)
      sample(block, core, 1_000_000, 90)
      sample(block, core, 999_000, 90)
      expect(block.latency(0).average).toBe(10)
    })

    test('it decays by itself, to nothing in the end', () => {
      const { block, core } = made(1, { decayMs: 2_000 })
      sample(block, core, 1_000_000, 60)
      expect(core.latency(0, 1_000_000)).toBe(60)
      expect(core.latency(0, 1_002_000) / (60 / Math.E)).toBeCloseTo(1, 6)
      expect(core.latency(0, 1_000_000 + 61 * 2_000)).toBe(0)
    })

    test('a slot without a sample has the latency 0', () => {
      const { core } = made(1)
      expect(core.latency(0, 1_234_567)).toBe(0)
    })

    test('time stamps wrap every 2^32 ticks without a jump', () => {
      const wrap = (2 ** 31 / TICKS_PER_MS) * 3
      const { block, core } = made(1, { decayMs: 1_000 })
      sample(block, core, wrap - 500, 40)
      expect(core.latency(0, wrap + 500) / (40 / Math.E)).toBeCloseTo(1, 6)
      sample(block, core, wrap + 500, 40)
      expect(block.latency(0).average).toBeCloseTo(40, 4)
    })
  })

  describe('cursor', () => {
    test.each([3, 7, 10])('positions over %i come in turn, and fairly across the wrap at 2^32', (n) => {
      const { block, core } = made(1)
      const word = serviceWord(2) + SERVICE.CURSOR
      const start = TWO_TO_32 - 1_000
      block.services[word] = start
      const positions = Array.from({ length: 3_000 }, () => core.nextPosition(2, n))
      // Tickets from the last whole multiple of n to the wrap are skipped; then it goes on from 0.
      const whole = TWO_TO_32 - (TWO_TO_32 % n)
      const expected: number[] = []
      for (let ticket = start; expected.length < 3_000; ticket = (ticket + 1) % TWO_TO_32) {
        if (ticket < whole) expected.push(ticket % n)
      }
      expect(positions).toEqual(expected)
      for (let i = 1; i < positions.length; i++) expect(positions[i]).toBe((positions[i - 1] + 1) % n)
    })

    test('a round-robin picker crosses the wrap without favour', () => {
      const { block, core } = made(7)
      block.services[serviceWord(0) + SERVICE.CURSOR] = -1_000
      const pick = core.picker(spec('round robin', 7))
      const counts = new Array<number>(7).fill(0)
      for (let i = 0; i < 2_100; i++) counts[pick()]++
      expect(counts).toEqual(new Array(7).fill(300))
    })

    test('services have cursors of their own; pickers of one service share its cursor', () => {
      const { core } = made(4)
      const first = core.picker(spec('round robin', 4))
      const again = core.picker(spec('round robin', [3, 2, 1, 0]))
      const other = core.picker(spec('round robin', 4, 'in-flight', 1))
      expect([first(), again(), first(), other(), first()]).toEqual([0, 2, 2, 0, 3])
    })
  })

  describe('pickers', () => {
    test.each(distributorNames)('%s over no slot finds none and touches nothing', (distributor) => {
      const { block, core } = made(1)
      expect(core.picker(spec(distributor, []))()).toBe(-1)
      expect([core.startedAt(), block.get(0, SLOT.IN_FLIGHT)]).toEqual([0, 0])
    })

    test.each(distributorNames)('%s over one slot takes it, and tells the time', (distributor) => {
      const { block, core } = made(3)
      const pick = core.picker(spec(distributor, [2]))
      expect([pick(), pick()]).toEqual([2, 2])
      expect([block.get(2, SLOT.IN_FLIGHT), block.contribution(2, 0)]).toEqual([2, 2])
      expect(core.startedAt()).toBe(1_000_000)
    })

    test.each(distributorNames)('%s over two slots takes only these', (distributor) => {
      const { core } = made(9)
      const pick = core.picker(spec(distributor, [4, 8]))
      expect(new Set(Array.from({ length: 64 }, () => pick()))).toEqual(new Set([4, 8]))
    })

    test.each(distributorNames)('%s fills every slot to its limit, then finds none', (distributor) => {
      const { block, core } = made(5, { limit: 2 })
      const pick = core.picker(spec(distributor, 5))
      const picked = Array.from({ length: 10 }, () => pick()).sort()
      expect(picked).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
      expect([pick(), pick()]).toEqual([-1, -1])
      expect([0, 1, 2, 3, 4].map((slot) => block.contribution(slot, 0))).toEqual([2, 2, 2, 2, 2])
    })

    test('round robin falls through to the next position that is below its limit', () => {
      const { block, core } = made(4, { limit: 1 })
      block.configure(3, { limit: 9 })
      core.reserve(0)
      core.reserve(1)
      const pick = core.picker(spec('round robin', 4))
      expect([pick(), pick(), pick(), pick(), pick()]).toEqual([2, 3, 3, 3, 3])
    })

    test('of two choices the less loaded is taken', () => {
      const { core } = made(2)
      const pick = core.picker(spec('two choices', 2))
      for (let i = 0; i < 50; i++) {
        const [a, b] = [pick(), pick()]
        expect(a).not.toBe(b)
      }
    })

    test('on a tie the first choice is taken: both slots in turn get it', () => {
      const { core } = made(2)
      const pick = core.picker(spec('two choices', 2))
      const counts = [0, 0]
      for (let i = 0; i < 2_000; i++) {
        const slot = pick()
        counts[slot]++
        core.end(slot, 0, SUCCEEDED, NO_SAMPLE)
      }
      // Binomial with p = 1/2: five standard deviations are 112.
      expect(Math.abs(counts[0] - 1_000)).toBeLessThan(112)
    })

    test('of two choices at their limits the other is next, then those after it', () => {
      const { block, core } = made(2, { limit: 1 })
      block.configure(1, { limit: 3, weight: 0.001 }) // never the better choice
      const pick = core.picker(spec('two choices', 2))
      expect([pick(), pick(), pick(), pick(), pick()]).toEqual([0, 1, 1, 1, -1])
    })

    test('weights divide the load', () => {
      const { block, core } = made(2)
      block.configure(0, { weight: 3 })
      const pick = core.picker({ ...spec('two choices', 2), draw: drawTable([3, 1]) })
      for (let i = 0; i < 400; i++) pick()
      expect(block.get(0, SLOT.IN_FLIGHT)).toBeGreaterThanOrEqual(297)
      expect(block.get(0, SLOT.IN_FLIGHT)).toBeLessThanOrEqual(303)
    })

    test.each([2, 3, 10, 100])(
      'one request at a time traffic goes by weight, evenly over time: %i endpoints, one of a ninth of the weight',
      (n) => {
        for (const metric of ['in-flight', 'latency'] as const) {
          const { block, core } = made(n)
          const weights = Array.from({ length: n }, (_, slot) => (slot === 0 ? 1 : 9))
          for (let slot = 1; slot < n; slot++) block.configure(slot, { weight: 9 })
          for (let slot = 0; slot < n; slot++) block.setLatency(slot, 5 + 0.01 * slot, 1_000_000)
          const pick = core.picker({ ...spec('two choices', n, metric), draw: drawTable(weights) })
          const counts = new Array<number>(n).fill(0)
          const perWeight = 100
          for (let i = 0; i < perWeight * (9 * n - 8); i++) {
            const slot = pick()
            counts[slot]++
            core.end(slot, 0, SUCCEEDED, NO_SAMPLE)
          }
          for (let slot = 0; slot < n; slot++)
            expect(
              Math.abs(counts[slot] / (perWeight * weights[slot]) - 1),
              `${metric} ${slot}`,
            ).toBeLessThan(0.1)
        }
      },
    )

    test('two equal endpoints share one request at a time, whichever had the last hiccup', () => {
      const { block, core } = made(2, { peak: true })
      block.setLatency(0, 20, 1_000_000)
      block.setLatency(1, 0.5, 1_000_000)
      const pick = core.picker(spec('two choices', 2, 'latency'))
      const counts = [0, 0]
      for (let i = 0; i < 400; i++) {
        const slot = pick()
        counts[slot]++
        core.end(slot, 0, SUCCEEDED, NO_SAMPLE)
      }
      // Binomial with p = 1/2: five standard deviations are 50.
      expect(Math.abs(counts[0] - 200)).toBeLessThan(50)
      // Beyond twice the other's latency and 20 ms it is no hiccup.
      block.setLatency(0, 22, 1_000_000)
      for (let i = 0; i < 50; i++) {
        const slot = pick()
        expect(slot).toBe(1)
        core.end(slot, 0, SUCCEEDED, NO_SAMPLE)
      }
    })

    test('with the latency metric load is latency x (in-flight + 1) / weight', () => {
      const { block, core } = made(2)
      block.setLatency(0, 300, 1_000_000)
      block.setLatency(1, 100, 1_000_000)
      const pick = core.picker(spec('two choices', 2, 'latency'))
      // 100, 200 < 300; at 300 against 300 the first choice decides; afterwards three to one.
      expect([pick(), pick()]).toEqual([1, 1])
      for (let i = 2; i < 400; i++) pick()
      expect([block.get(0, SLOT.IN_FLIGHT), block.get(1, SLOT.IN_FLIGHT)]).toEqual([100, 300])
    })

    test('with the latency metric an old average counts for less', () => {
      const { block, core } = made(2, { decayMs: 1_000 })
      block.setLatency(0, 100, 990_000)
      block.setLatency(1, 10, 1_000_000)
      expect(core.picker(spec('two choices', 2, 'latency'))()).toBe(0)
    })

    test('two choices are distinct and uniform; random is uniform', () => {
      for (const distributor of ['two choices', 'random'] as const) {
        const { block, core } = made(10, {}, 7)
        const pick = core.picker(spec(distributor, 10))
        const counts = new Array<number>(10).fill(0)
        for (let i = 0; i < 20_000; i++) {
          const slot = pick()
          counts[slot]++
          core.end(slot, 0, SUCCEEDED, NO_SAMPLE)
        }
        expect(block.get(0, SLOT.IN_FLIGHT)).toBe(0)
        // Chi-square with 9 degrees of freedom: 27.9 is exceeded once in a thousand seeds.
        const chiSquare = counts.reduce((sum, count) => sum + (count - 2_000) ** 2 / 2_000, 0)
        expect(chiSquare).toBeLessThan(27.9)
      }
    })

    test('balls into bins: with two choices the fullest of ten bins is at most 3 above the mean', () => {
      const { block, core } = made(10)
      const pick = core.picker(spec('two choices', 10))
      for (let i = 0; i < 100_000; i++) pick()
      const inFlight = Array.from({ length: 10 }, (_, slot) => block.get(slot, SLOT.IN_FLIGHT))
      expect(inFlight.reduce((sum, n) => sum + n, 0)).toBe(100_000)
      expect(Math.max(...inFlight)).toBeLessThanOrEqual(10_003)
    })

    test('a picker copies its slots', () => {
      const { core } = made(3)
      const own = spec('round robin', 3)
      const pick = core.picker(own)
      own.slots.fill(0)
      expect([pick(), pick(), pick()]).toEqual([0, 1, 2])
    })
  })

  describe('time and chance', () => {
    test('the manual clock rules while the block says so, then the system’s', () => {
      const { block, core } = made(1)
      block.setNow(42.125)
      expect(core.now()).toBe(42.125)
      core.picker(spec('random', 1))()
      expect(core.startedAt()).toBe(42.125)
      block.root[HEADER.CLOCK_MODE] = 0
      const before = monotonicNow()
      const slot = core.picker(spec('two choices', 1))()
      const between = [core.startedAt(), core.now()]
      core.reserve(slot)
      between.push(core.startedAt())
      const after = monotonicNow()
      // The clocks of both engines are one; the offset of JavaScript's is known to within the time of a reading.
      const slack = 5
      for (const time of between) {
        expect(time).toBeGreaterThanOrEqual(before - slack)
        expect(time).toBeLessThanOrEqual(after + slack)
      }
    })

    test('threads draw different numbers, a seed gives the same ones again', () => {
      const draw = (seed: number, thread: number) => {
        const core = new Block(1, {}, seed).core(factory, thread)
        return Array.from({ length: 8 }, () => core.random())
      }
      expect(draw(5, 0)).toEqual(draw(5, 0))
      expect(draw(5, 0)).not.toEqual(draw(5, 1))
      expect(draw(5, 0)).not.toEqual(draw(6, 0))
      for (const number of draw(5, 0)) expect(number === number >>> 0).toBe(true)
    })
  })

  describe('bad arguments', () => {
    let block: Block
    let core: ReturnType<Block['core']>
    beforeEach(() => {
      block = new Block(3)
      core = block.core(factory)
    })

    test.each([1_024, 4_294_967_295, 1e15])('slot %d is refused and no word changes', (slot) => {
      const before = snapshot(block)
      expect(() => core.reserve(slot)).toThrow(ArgumentError)
      expect(() => core.end(slot, 0, SUCCEEDED, 1)).toThrow(/slot \d+ is not known.*0 to 1023/)
      expect(() => core.latency(slot, 0)).toThrow(ArgumentError)
      expect(snapshot(block).equals(before)).toBe(true)
    })

    test('a picker over a slot, a distributor, a metric or a service that is none is refused', () => {
      expect(() => core.picker(spec('random', [1, 1_024]))).toThrow(/slot 1024 is not known/)
      expect(() => core.picker({ ...spec('random', 1), distributor: 9 as never })).toThrow(/distributor 9/)
      expect(() => core.picker({ ...spec('random', 1), metric: -1 as never })).toThrow(/metric -1/)
      expect(() => core.picker(spec('random', 1, 'latency', 256))).toThrow(/service 256 .*below 256/)
    })

    test('positions over nothing, or of no service, are refused', () => {
      expect(() => core.nextPosition(0, 0)).toThrow(ArgumentError)
      expect(() => core.nextPosition(256, 3)).toThrow(/nextPosition\(256, 3\)/)
    })

    test('after dispose nothing is picked, reserved or ended', () => {
      const picks = distributorNames.map((distributor) => core.picker(spec(distributor, 3)))
      core.reserve(0)
      const before = block.get(0, SLOT.IN_FLIGHT)
      core.dispose()
      core.dispose()
      for (const pick of picks) expect(pick()).toBe(-1)
      expect(() => core.reserve(0)).toThrow(/has no segment/)
      expect(() => core.end(0, 0, SUCCEEDED, 1)).toThrow(ArgumentError)
      expect(block.get(0, SLOT.IN_FLIGHT)).toBe(before)
    })
  })
}

const snapshot = (block: Block): Buffer =>
  Buffer.concat(Array.from(block.regions(), ([, words]) => Buffer.from(words.slice().buffer)))
