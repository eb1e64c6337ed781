/** Published figures and those of theory, met by the shipped balancer in simulated time; each with a variant that must fail. */
import { describe, expect, it } from 'vitest'
import {
  ballsInBins,
  CENTRAL_QUEUE,
  expectFigure,
  isWithin,
  linkerdReplay,
  PREQUAL,
  prequalRamp,
  queues,
  REPORTED_WEIGHTS,
  TEN_ENDPOINTS,
  twoChoices,
  withReplacement,
} from '../support/figures.js'

const REQUESTS = 200_000
/**
 * Three standard deviations of a run of this length, over seeds: 2.5% of the mean and 5% of the p99 at ten endpoints. (What a
 * busy queue's requests wait hangs together; they count for a hundredth of as many independent ones.)
 */
const TOLERANCE = { mean: 0.075, p99: 0.15 }
const TEN = { endpoints: 10, load: 0.9, requests: REQUESTS, seed: 2 }

describe('10 FIFO endpoints at a load of 0.9', () => {
  it.each(TEN_ENDPOINTS)('$what: mean $figure.mean, p99 $figure.p99', async ({ policy, slots, figure }) => {
    expectFigure(await queues({ ...TEN, slots }, policy), figure, TOLERANCE)
  })

  it('as a negative: one choice instead of two is not it', async () => {
    const two = TEN_ENDPOINTS[2].figure
    expect(isWithin(await queues(TEN, 'random'), two, TOLERANCE)).toBe(false)
  })

  it('as a negative: choices with replacement wait longer by their 5 per cent', async () => {
    // With one seed both meet the very same requests, so that the difference stands out from the noise.
    const two = await queues(TEN, 'least-request')
    const replaced = await queues(TEN, withReplacement)
    expect(replaced.mean / two.mean).toBeGreaterThan(1.03)
    expect(replaced.mean / two.mean).toBeLessThan(1.08)
  })
})

describe('a central queue with one slot for each endpoint is M/M/n', () => {
  // Two endpoints: 4% of the mean is one standard deviation.
  it.each(CENTRAL_QUEUE)('$endpoints endpoints: mean $figure.mean', async ({ endpoints, figure }) => {
    const measured = await queues({ ...TEN, endpoints, slots: 1 }, 'random')
    expectFigure(measured, figure, endpoints === 2 ? { mean: 0.12, p99: 0.2 } : TOLERANCE)
  })

  it('as a negative: two slots are one too many', async () => {
    const { figure } = CENTRAL_QUEUE[1]
    expect(isWithin(await queues({ ...TEN, slots: 2 }, 'random'), figure, TOLERANCE)).toBe(false)
  })
})

describe('the power of two choices', () => {
  it.each([
    [0.5, 1.266],
    [0.7, 1.614],
    [0.9, 2.614],
  ])('100 endpoints at a load of %d: mean %d', async (load, mean) => {
    const theory = twoChoices(load)
    expect(theory.mean).toBeCloseTo(mean, 3)
    const measured = await queues({ ...TEN, endpoints: 100, load, requests: 2 * REQUESTS }, 'least-request')
    // A hundred endpoints instead of endlessly many wait 2% longer at the highest load.
    expectFigure(measured, { mean }, { mean: load === 0.9 ? 0.06 : 0.03, p99: 1 })
    for (let i = 1; i <= 5; i++) expect(Math.abs(measured.tail[i] - theory.tail[i])).toBeLessThan(0.04)
  })

  it('as a negative: one choice, or three, is far from it', async () => {
    for (const policy of ['random', { name: 'least-request', choices: 3 }] as const) {
      const measured = await queues({ ...TEN, endpoints: 100 }, policy)
      expect(Math.abs(measured.mean / 2.614 - 1)).toBeGreaterThan(0.1)
    }
  })
})

describe('balls in bins: the fullest of ten above the mean of 100,000', () => {
  it('two choices: at most 3', async () => {
    expect(await ballsInBins('least-request')).toBeLessThanOrEqual(3)
  })

  it('as a negative: one choice hundreds', async () => {
    expect(await ballsInBins('random')).toBeGreaterThan(100)
  })
})

describe('replay of the outage of Linkerd’s test: per cent within a second', () => {
  it.each([
    ['round-robin', 95.455],
    ['least-request', 99.5],
  ] as const)('%s %d', async (policy, share) => {
    expect(Math.abs((await linkerdReplay(policy)) - share)).toBeLessThan(0.02)
  })

  it('peak-ewma at least 99.93', async () => {
    expect(await linkerdReplay('peak-ewma')).toBeGreaterThanOrEqual(99.93)
  })

  it.each([
    [1_000, 99.905, 0.02],
    // A look more or less at the slow endpoint moves this one.
    [100, 99.4, 0.4],
  ])(
    'as a negative: a decay of %d ms instead of 10 s falls to %d, within %d',
    async (decayMs, share, within) => {
      const measured = await linkerdReplay({ name: 'peak-ewma', decayMs })
      expect(measured).toBeLessThan(99.92)
      expect(Math.abs(measured - share)).toBeLessThan(within)
    },
  )
})

describe('Prequal’s load beyond the entitlement of its endpoints', () => {
  const SIZE = { clients: 10, endpoints: 20, stepMs: 10_000 }
  const STEPS = [0.75, 1.03, 1.27, 1.74]

  it('no time-out, and at most half of the p99.9 of weighted round robin from 1.03 on', async () => {
    const [prequal, weighted] = [
      await prequalRamp(PREQUAL, SIZE, STEPS),
      await prequalRamp(REPORTED_WEIGHTS, SIZE, STEPS),
    ]
    expect(prequal.map(({ timeouts }) => timeouts)).toEqual(STEPS.map(() => 0))
    for (const [i, { load, p999Ms }] of prequal.entries())
      if (load >= 1.03) expect(p999Ms).toBeLessThanOrEqual(weighted[i].p999Ms / 2)
    // As a negative, and so that half of it says something: weighted round robin misses the deadline.
    expect(weighted[3].timeouts).toBeGreaterThan(0)
  })
})
