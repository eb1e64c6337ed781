/** The admission queue in simulated time, with one slot an endpoint, is M/M/n. */
import { describe, expect, it } from 'vitest'
import { simulate } from '../../lib/simulate/index.js'
import { RandomStream } from '../../lib/simulate/random.js'
import { STREAM } from '../../lib/simulate/run.js'
import { erlangC, type MMn, offBy, simulatedMMn } from '../support/erlang-c.js'
import { ENDLESS_QUEUE } from '../support/figures.js'

const SEED = 3
/** Of the formula: about two standard deviations of a run of this length. One seed gives the same on every machine. */
const TOLERANCE = 0.03
const REQUESTS = 200_000

const expectTheory = (measured: MMn, theory: MMn): void => {
  for (const [figure, off] of Object.entries(offBy(measured, theory)))
    expect(off, `${figure}: ${JSON.stringify({ measured, theory })}`).toBeLessThanOrEqual(TOLERANCE)
}

describe('Erlang’s formula', () => {
  it.each([
    [2, { mean: 5.263, waiting: 0.853, p99: 23.3 }],
    [10, { mean: 1.669, waiting: 0.669, p99: 6.25 }],
    [100, { mean: 1.022, waiting: 0.217, p99: 4.63 }],
  ])('%d servers at a load of 0.9: the figures that are published of it', (servers, figures) => {
    const theory = erlangC(servers, 0.9)
    expect(theory.mean).toBeCloseTo(figures.mean, 3)
    expect(theory.waiting).toBeCloseTo(figures.waiting, 3)
    expect(Math.abs(theory.p99 / figures.p99 - 1)).toBeLessThan(0.002)
  })

  it('one server is M/M/1: all times exponential', () => {
    const { mean, waiting, p99 } = erlangC(1, 0.9)
    expect([mean, waiting, p99]).toEqual([10, 0.9, 46.05].map((one) => expect.closeTo(one, 1)))
  })
})

describe('one slot an endpoint, nobody refused', () => {
  // The fuller, and the fewer, the longer it takes to come to a mean: a load of 0.9 is for test/soak/erlang-c.soak.ts.
  it.each([
    [2, 0.5],
    [10, 0.7],
  ])('%d endpoints at a load of %d', async (servers, load) => {
    expectTheory(await simulatedMMn(servers, load, REQUESTS, { seed: SEED }), erlangC(servers, load))
  })

  it('as a negative: in another order than that of arrival p99 is far off, whatever the mean', async () => {
    const measured = await simulatedMMn(10, 0.9, REQUESTS / 4, { seed: SEED, tiers: [0.5, 0.5] })
    const { mean, p99 } = offBy(measured, erlangC(10, 0.9))
    expect(mean).toBeLessThan(5 * TOLERANCE)
    expect(p99).toBeGreaterThan(5 * TOLERANCE)
  })

  it('as a negative: two slots are one too many', async () => {
    const service = { limits: { perEndpoint: { maxRequests: 2 } }, queue: ENDLESS_QUEUE }
    const measured = await simulatedMMn(10, 0.7, REQUESTS / 8, { seed: SEED, service })
    expect(offBy(measured, erlangC(10, 0.7)).waiting).toBeGreaterThan(5 * TOLERANCE)
  })
})

it.each([1, 2, 10, 100])('%d endpoints: first come, first served, request by request', async (servers) => {
  const [requests, meanMs] = [20_000, 10]
  const [arrivals, work] = [STREAM.ARRIVALS, STREAM.WORK].map((stream) => new RandomStream(SEED, stream))
  const [result] = await simulate({
    seed: SEED,
    requests,
    load: { utilization: 0.95 },
    serviceTime: { exponential: { meanMs } },
    endpoints: [{ count: servers }],
    service: { limits: { perEndpoint: { maxRequests: 1 } }, queue: ENDLESS_QUEUE },
    policies: ['random'],
  })
  // The same requests by the recursion of Kiefer and Wolfowitz: each takes the server that is free first.
  const freeAt = new Float64Array(servers)
  const waits: number[] = []
  const times: number[] = []
  let now = 0
  for (let i = 0; i < requests; i++) {
    now += arrivals.exponential(meanMs / (0.95 * servers))
    const begin = Math.max(now, freeAt[0])
    if (begin > now) waits.push(begin - now)
    freeAt[0] = begin + work.exponential(meanMs)
    times.push(freeAt[0] - now)
    freeAt.sort()
  }
  const quantile = (values: number[], q: number) =>
    values.toSorted((a, b) => a - b)[Math.floor(q * values.length)]
  expect(result.queue.waited).toBe(waits.length)
  expect(result.queue.p50Ms).toBeCloseTo(quantile(waits, 0.5), 6)
  expect(result.queue.p99Ms).toBeCloseTo(quantile(waits, 0.99), 6)
  expect(result.meanMs).toBeCloseTo(times.reduce((sum, one) => sum + one, 0) / requests, 6)
  expect(result.p50Ms).toBeCloseTo(quantile(times, 0.5), 6)
  expect(result.p99Ms).toBeCloseTo(quantile(times, 0.99), 6)
  expect(result.maxMs).toBeCloseTo(Math.max(...times), 6)
})
