/** How many requests are rejected, and whose: the formulas, and what holds of them for all numbers. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type RejectionOptions,
  rejectionProbability,
  successRate,
  tierProbability,
} from '../../lib/admission/admission-control.js'

const ENVOY: RejectionOptions = { threshold: 0.95, most: 0.8, aggression: 1 }
const TIERS = [0, 1, 2, 3]

const counts = fc.nat(100_000)
const outcomes = fc.tuple(counts, counts).map(([succeeded, failed]) => ({
  ended: succeeded + failed,
  succeeded,
}))
const options = fc.record({
  threshold: fc.double({ min: 0.01, max: 1, noNaN: true }),
  most: fc.double({ min: 0, max: 1, noNaN: true }),
  aggression: fc.double({ min: 1, max: 100, noNaN: true }),
})
const asked = fc.tuple(counts, counts, counts, counts)

describe('the share to reject', () => {
  test.each([
    // (ended - succeeded / 0.95) / (ended + 1)
    [0, 0, 0],
    [100, 100, 0],
    [100, 95, 0],
    [100, 94, (100 - 94 / 0.95) / 101],
    [100, 50, (100 - 50 / 0.95) / 101],
    [1, 0, 0.5],
    [3, 0, 0.75],
    [4, 0, 0.8],
    [100, 0, 0.8],
  ])('of %i that ended, %i of them well, is %f', (ended, succeeded, share) => {
    expect(rejectionProbability({ ended, succeeded }, ENVOY)).toBeCloseTo(share, 12)
  })

  test('of half of many that fail goes to 1 - 0.5 / 0.95', () => {
    const half = rejectionProbability({ ended: 1e9, succeeded: 5e8 }, ENVOY)
    expect(half).toBeCloseTo(1 - 0.5 / 0.95, 6)
  })

  test('with aggression begins with more at once: its root', () => {
    const seen = { ended: 999, succeeded: 900 }
    const share = (999 - 900 / 0.95) / 1_000
    expect(rejectionProbability(seen, { ...ENVOY, aggression: 2 })).toBeCloseTo(Math.sqrt(share), 12)
    expect(rejectionProbability(seen, { ...ENVOY, aggression: 4 })).toBeCloseTo(share ** 0.25, 12)
  })

  test('is never below 0 nor above the most, and no number else', () => {
    fc.assert(
      fc.property(outcomes, options, (seen, how) => {
        const share = rejectionProbability(seen, how)
        return share >= 0 && share <= how.most
      }),
    )
  })

  test('grows with failures, and shrinks with successes', () => {
    fc.assert(
      fc.property(outcomes, options, fc.nat(1_000), ({ ended, succeeded }, how, more) => {
        const before = rejectionProbability({ ended, succeeded }, how)
        const worse = rejectionProbability({ ended: ended + more, succeeded }, how)
        const better = rejectionProbability({ ended: ended + more, succeeded: succeeded + more }, how)
        return worse >= before && better <= before + 1e-12
      }),
    )
  })

  test('is 0 as long as the success rate is at the threshold, and else more than 0', () => {
    fc.assert(
      fc.property(outcomes, options, (seen, how) => {
        const share = rejectionProbability(seen, { ...how, most: 1 })
        const above = seen.ended - seen.succeeded / how.threshold
        return above > 0 ? share > 0 : share === 0
      }),
    )
  })

  test('the success rate of nothing is 1', () => {
    expect(successRate({ ended: 0, succeeded: 0 })).toBe(1)
    expect(successRate({ ended: 4, succeeded: 1 })).toBe(0.25)
  })
})

describe('whose requests', () => {
  const sharesOf = (probability: number, most: number, of: readonly number[]) =>
    TIERS.map((tier) => tierProbability(tier, probability, most, of))

  test.each([
    // Of all requests 10% at most: all are of the lowest tier, which is 20% of them.
    [0.1, [10, 50, 20, 20], [0, 0, 0, 0.5]],
    // It loses 80% of its own, 16% of all: the other 14% are of the next one.
    [0.3, [10, 50, 20, 20], [0, 0, 0.7, 0.8]],
    [0.5, [10, 50, 20, 20], [0, 0.36, 0.8, 0.8]],
    [0.74, [10, 50, 20, 20], [0.2, 0.8, 0.8, 0.8]],
    [0.8, [10, 50, 20, 20], [0.8, 0.8, 0.8, 0.8]],
    // One tier only: its share is that of all.
    [0.3, [0, 50, 0, 0], [0, 0.3, 0.8, 0.8]],
    [0, [10, 50, 20, 20], [0, 0, 0, 0]],
    [0.4, [0, 0, 0, 0], [0, 0, 0, 0]],
  ])('of %f of all that are rejected, of tiers with %j requests each loses %j', (share, of, lost) => {
    for (const [tier, loss] of sharesOf(share, 0.8, of).entries()) expect(loss).toBeCloseTo(lost[tier], 12)
  })

  const many = fc.record({
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    most: fc.double({ min: 0.01, max: 1, noNaN: true }),
    of: asked,
  })

  test('each tier loses between 0 and the most, and no higher tier more than a lower one', () => {
    fc.assert(
      fc.property(many, ({ part, most, of }) => {
        const lost = sharesOf(part * most, most, of)
        return lost.every((share, tier) => share >= 0 && share <= most && share <= (lost[tier + 1] ?? most))
      }),
    )
  })

  test('a tier loses a request only where every lower one with requests loses the most', () => {
    fc.assert(
      fc.property(many, ({ part, most, of }) => {
        const lost = sharesOf(part * most, most, of)
        return TIERS.every(
          (tier) =>
            lost[tier] === 0 ||
            TIERS.every((lower) => lower <= tier || of[lower] === 0 || lost[lower] > most - 1e-9),
        )
      }),
    )
  })

  test('all tiers together lose what is to be rejected, no more and no less', () => {
    fc.assert(
      fc.property(many, ({ part, most, of }) => {
        const all = of.reduce((sum, one) => sum + one, 0)
        const lost = sharesOf(part * most, most, of).reduce((sum, share, tier) => sum + share * of[tier], 0)
        return Math.abs(lost - part * most * all) <= 1e-9 * Math.max(1, all)
      }),
    )
  })

  test('a tier loses no less where more is rejected', () => {
    fc.assert(
      fc.property(many, fc.double({ min: 0, max: 1, noNaN: true }), ({ part, most, of }, other) => {
        const [less, more] = [Math.min(part, other), Math.max(part, other)]
        const before = sharesOf(less * most, most, of)
        return sharesOf(more * most, most, of).every((share, tier) => share >= before[tier] - 1e-12)
      }),
    )
  })
})
