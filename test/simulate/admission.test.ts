/** What simulated requests meet in the admission queue of the shipped balancer, and what comes of their deadlines. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { definePolicy, type SimulationConfig, simulate } from '../../lib/simulate/index.js'
import { parseSimulation } from '../../lib/simulate/parse.js'
import { ENDLESS_QUEUE } from '../support/figures.js'

const PER_ENDPOINT = { limits: { perEndpoint: { maxRequests: 4 } } }

/** Twice of what three endpoints with two workers can answer in 50 ms each: 120 requests a second. */
const TWICE: SimulationConfig = {
  durationMs: 30_000,
  load: { utilization: 2 },
  serviceTime: { exponential: { meanMs: 50 } },
  endpoints: [{ count: 3, workers: 2 }],
  deadlineMs: 500,
  service: PER_ENDPOINT,
  policies: ['least-request'],
}
/** One endpoint that takes one request, and nobody is refused. */
const ONE_SLOT: Partial<SimulationConfig> = {
  durationMs: undefined,
  endpoints: [{}],
  service: { limits: { perEndpoint: { maxRequests: 1 } }, queue: ENDLESS_QUEUE },
}
const run = async (changed: Partial<SimulationConfig> = {}) => (await simulate({ ...TWICE, ...changed }))[0]
const queued = (queue: object) => ({ service: { ...PER_ENDPOINT, queue } })
/** Of capacity, after the first seconds. */
const goodput = (result: Awaited<ReturnType<typeof run>>) => result.goodputBetween(5_000, 30_000) / 120

it('one seed gives the same queue on both engines, to the last bit', async () => {
  const config = {
    clients: 2,
    tiers: [0.2, 0.3, 0.5],
    deadline: 'known' as const,
    policies: ['peak-ewma'] as const,
  }
  const once = await run(config)
  expect(JSON.stringify(await run(config))).toBe(JSON.stringify(once))
  // The other engine's run of this test compares with the same text.
  expect(
    JSON.stringify([once.answered, once.refused, once.timeouts, once.meanMs, once.queue]),
  ).toMatchInlineSnapshot(
    `"[3526,3496,82,231.1443722393157,{"waited":6725,"p50Ms":47.91347658680752,"p99Ms":403.3149185180664,"most":71}]"`,
  )
})

describe('the queue of the service', () => {
  it('holds what the default bounds allow: no wait without a limit, short ones in a standing queue', async () => {
    expect((await run({ service: {}, load: { utilization: 0.5 } })).queue).toMatchObject({
      waited: 0,
      most: 0,
    })
    const { queue, refused } = await run()
    expect(refused).toBeGreaterThan(2_000)
    // Half an answer, of some 90 ms; at first, as long as callers wait.
    expect(queue.p50Ms).toBeLessThan(100)
  })

  it('does not collapse with `codel`, collapses with `fifo`', async () => {
    const endpoints = [{ count: 3, workers: 2, noticesAborts: false }]
    expect(goodput(await run({ endpoints }))).toBeGreaterThan(0.9)
    expect(goodput(await run({ endpoints, ...queued({ discipline: 'fifo' }) }))).toBeLessThan(0.3)
  })

  it('takes `limit` requests and no more; 0: none waits', async () => {
    const seven = await run(queued({ limit: 7, discipline: 'fifo' }))
    expect(seven.queue.most).toBe(7)
    const none = await run(queued({ limit: 0 }))
    expect(none.queue).toEqual({ waited: 0, p50Ms: Number.NaN, p99Ms: Number.NaN, most: 0 })
    expect(none.refused).toBeGreaterThan(2_000)
  })

  it('is one queue a client', async () => {
    const { queue } = await run({ clients: 3, ...queued({ limit: 7, discipline: 'fifo' }) })
    expect(queue.most).toBe(21)
  })

  it('refuses after `deadlineMs` who has no deadline', async () => {
    const result = await run({ deadlineMs: undefined, ...queued({ discipline: 'fifo', deadlineMs: 100 }) })
    expect(result.timeouts).toBe(0)
    expect(result.refused).toBeGreaterThan(2_000)
    expect(result.queue.p99Ms).toBeCloseTo(100, 6)
  })

  it('refuses nobody with its bounds as far away as they go', async () => {
    const result = await run({ deadlineMs: undefined, ...queued(ENDLESS_QUEUE) })
    expect(result).toMatchObject({ refused: 0, timeouts: 0, answered: result.requests })
    expect(result.queue.waited).toBeGreaterThan(0.9 * result.requests)
  })

  it('lets those that wait in when an endpoint comes back, though nothing ends', async () => {
    const result = await run({
      requests: 20,
      durationMs: undefined,
      deadlineMs: undefined,
      load: { arrivals: { trace: Array.from({ length: 20 }, (_, i) => 10 + 10 * i) } },
      serviceTime: 20_000,
      endpoints: [{ count: 2, workers: 0 }],
      // The first is told to be away from the beginning to 501.
      deploy: { startMs: 0, everyMs: 1_000_000, drainMs: 1, downMs: 500 },
      service: { limits: { perEndpoint: { maxRequests: 8 } }, queue: ENDLESS_QUEUE },
    })
    expect(result).toMatchObject({ answered: 20, errors: 0 })
    // Eight got the second, eight the first when it was back, and four a place of the first eight.
    expect(result.queue).toMatchObject({ waited: 12, most: 12 })
    expect(result.queue.p50Ms).toBeCloseTo(501 - 100, 6)
    expect(result.queue.p99Ms).toBeCloseTo(20_000 + 40 - 200, 6)
  })

  it('tells what a policy of the user’s own throws when it is a waiting request’s turn', async () => {
    let picked = false
    const failing = definePolicy('takes-each-endpoint-once', {
      picker: ({ endpoints, inFlight }) => {
        return () => {
          if (picked && inFlight(endpoints[0]) === 0) throw new RangeError('out of range')
          picked = true
          return endpoints[0]
        }
      },
    })
    // The second comes while the first is there: only from the queue the policy sees the endpoint idle again.
    const both = run({
      ...ONE_SLOT,
      requests: 2,
      load: { arrivals: { trace: [0, 1] } },
      serviceTime: 5,
      policies: [failing],
    })
    await expect(both).rejects.toThrow('out of range')
  })
})

describe('a deadline', () => {
  const fifo = queued({ discipline: 'fifo' })

  it('that is known has the queue drop who cannot make it; by abort each goes by itself', async () => {
    const known = await run({ deadline: 'known', ...fifo })
    const abort = await run({ deadline: 'abort', ...fifo })
    // Of `abort` nobody is refused: the queue holds who comes.
    expect(abort).toMatchObject({ refused: 0 })
    expect(await run(fifo)).toMatchObject({ refused: 0, timeouts: abort.timeouts })
    expect(known.refused).toBeGreaterThan(500)
    expect(known.timeouts).toBeLessThan(abort.timeouts - 500)
    expect(goodput(known)).toBeGreaterThan(goodput(abort))
  })

  it('is kept whether a request waits or has a place, and counts from its arrival', async () => {
    const result = await run({
      ...ONE_SLOT,
      requests: 3,
      deadlineMs: 100,
      load: { arrivals: { trace: [0, 10, 20] } },
      serviceTime: 1_000,
    })
    expect(result).toMatchObject({ timeouts: 3, maxMs: 100 })
    // The first leaves its place at 100: the second has it for 10 ms.
    expect(result.endpoints[0].requests).toBe(3)
    expect(result.queue).toMatchObject({ waited: 2, most: 2, p50Ms: 90 })
  })
})

describe('an abort', () => {
  const unlimited = { limits: { perEndpoint: { maxRequests: 0, adaptive: false } } }
  /** One worker, and ten requests at once of 100 ms each, whose callers wait 250 ms; then one more. */
  const TEN: Partial<SimulationConfig> = {
    requests: 11,
    durationMs: undefined,
    deadlineMs: 250,
    load: { arrivals: { trace: [...Array<number>(10).fill(0), 400] } },
    serviceTime: 100,
    service: unlimited,
  }

  it('that the endpoint notices: what is not begun is not begun', async () => {
    const result = await run({ ...TEN, endpoints: [{}] })
    expect(result).toMatchObject({ answered: 3, timeouts: 8 })
    expect(result.between(400, 401).maxMs).toBeCloseTo(100, 6)
  })

  it('that it does not notice: it works for nobody', async () => {
    const result = await run({ ...TEN, endpoints: [{ noticesAborts: false }] })
    // Two are answered in time; the last comes when six are still before it.
    expect(result).toMatchObject({ answered: 2, timeouts: 9 })
  })

  it('costs all of the goodput without limits, where endpoints do not notice', async () => {
    const [noticed, unnoticed] = [true, false].map((noticesAborts) =>
      run({ service: unlimited, endpoints: [{ count: 3, workers: 2, noticesAborts }] }),
    )
    expect(goodput(await unnoticed)).toBeLessThan(0.02)
    expect(goodput(await noticed)).toBeGreaterThan(goodput(await unnoticed) + 0.05)
  })
})

describe('tiers', () => {
  it('are as frequent as they should be, and add up', async () => {
    const result = await run({ tiers: [0.2, 0, 0.8] })
    const counts = result.tiers?.map(({ requests }) => requests) ?? []
    expect(counts[1]).toBe(0)
    expect(counts[0] + counts[2]).toBe(result.requests)
    expect(Math.abs(counts[0] / result.requests - 0.2)).toBeLessThan(0.02)
    for (const key of ['answered', 'timeouts', 'refused'] as const)
      expect(result.tiers?.reduce((sum, tier) => sum + tier[key], 0)).toBe(result[key])
    expect((await run()).tiers).toBeUndefined()
  })

  it('three at three times the capacity: the first, with 70% of it, is answered, the last is not', async () => {
    const { tiers = [] } = await run({
      load: { utilization: 3 },
      tiers: [0.7 / 3, 1 / 3, 1 - 1.7 / 3],
      deadlineMs: 1_000,
      ...queued({ discipline: 'fifo' }),
    })
    const [first, second, third] = tiers.map(({ answeredShare }) => answeredShare)
    expect(first).toBeGreaterThan(0.99)
    expect(second).toBeLessThan(0.5)
    expect(third).toBeLessThan(second)
    expect(tiers[0].p99Ms).toBeLessThan(500)
  })
})

describe('goodput', () => {
  const CONSTANT: Partial<SimulationConfig> = {
    durationMs: 60_000,
    load: { rate: 10, arrivals: 'constant' },
    serviceTime: 50,
    endpoints: [{ workers: 2 }],
    service: {},
  }

  it('is what is answered in time, a second, and of the capacity', async () => {
    const { goodput: seen, overTime } = await run(CONSTANT)
    expect(seen).toEqual({
      perSecond: expect.closeTo(10, 6),
      capacity: 40,
      ofCapacity: expect.closeTo(0.25, 6),
    })
    expect(overTime.offered).toHaveLength(60)
    expect(overTime.stepMs * 60).toBeCloseTo(59_900, 6)
    for (const rates of [overTime.offered, overTime.goodput])
      for (const rate of rates) expect(Math.abs(rate - 10)).toBeLessThanOrEqual(1.1)
  })

  it('is nothing while nothing is answered, however much is asked', async () => {
    const hang = { fromMs: 20_000, untilMs: 40_000, fail: 'hang' as const }
    const result = await run({ ...CONSTANT, endpoints: [{ workers: 2, incidents: [hang] }] })
    expect(result.goodputBetween(20_001, 40_000)).toBe(0)
    expect(result.overTime.goodput.slice(22, 38)).toEqual(Array(16).fill(0))
    for (const rate of result.overTime.offered.slice(22, 38)) expect(rate).toBeGreaterThan(8)
    expect(result.goodputBetween(45_000, 55_000)).toBeCloseTo(10, 0)
  })

  it('has no capacity to be compared with where workers have no limit', async () => {
    const { goodput: seen } = await run({ ...CONSTANT, endpoints: [{ workers: 0 }] })
    expect(seen).toMatchObject({ capacity: Number.NaN, ofCapacity: Number.NaN })
  })
})

describe('examples/overload.yaml', () => {
  const text = readFileSync(join(import.meta.dirname, '../../examples/overload.yaml'), 'utf8')
  const config: SimulationConfig = parseSimulation(parse(text))
  const CAPACITY = 120

  it('answers at least 90% of the capacity at two and four times the load, the first tier whole, and is well at once', async () => {
    for (const result of await simulate(config)) {
      expect(result.goodput.capacity).toBeCloseTo(CAPACITY, 6)
      for (const [from, until] of [
        [30_000, 50_000],
        [60_000, 80_000],
      ])
        expect(result.goodputBetween(from, until) / CAPACITY, result.policy).toBeGreaterThan(0.9)
      expect(result.tiers?.[0].answeredShare).toBeGreaterThan(0.99)
      const { requests, answered } = result.between(82_000, 100_000)
      expect(answered / requests).toBeGreaterThan(0.98)
    }
  })

  it('does so with all defaults, too', async () => {
    for (const result of await simulate({ ...config, service: {} })) {
      expect(result.goodputBetween(30_000, 50_000) / CAPACITY, result.policy).toBeGreaterThan(0.9)
      expect(result.goodputBetween(60_000, 80_000) / CAPACITY, result.policy).toBeGreaterThan(0.9)
    }
  })

  it('as a negative: with `fifo`, or without a limit, it does not', async () => {
    const { service } = config
    const changes = [
      { service: { ...service, queue: { discipline: 'fifo' as const } } },
      { service: { limits: { perEndpoint: { adaptive: false } } } },
    ]
    for (const changed of changes) {
      const [result] = await simulate({ ...config, ...changed, policies: ['least-request'] })
      expect(result.goodputBetween(60_000, 80_000) / CAPACITY).toBeLessThan(0.5)
    }
  })
})
