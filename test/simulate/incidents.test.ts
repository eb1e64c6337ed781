/** Endpoints that hang, long polls, event loops that are held; and what each policy makes of a hang. */
import { describe, expect, it } from 'vitest'
import { balancerConfig, singlesOf } from '../../lib/simulate/balancers.js'
import { SimulatedClient } from '../../lib/simulate/client.js'
import { SimulatedEndpoint } from '../../lib/simulate/endpoint.js'
import { type SimulatedPolicy, type SimulationConfig, simulate } from '../../lib/simulate/index.js'
import { RandomStream } from '../../lib/simulate/random.js'
import { Run } from '../../lib/simulate/run.js'

const MINUTE_MS = 60_000
const FOREVER_MS = 8e7

const run = async (config: Partial<SimulationConfig>) =>
  (
    await simulate({
      requests: 100,
      load: { rate: 100, arrivals: 'constant' },
      serviceTime: 5,
      endpoints: [{ workers: 0 }],
      ...config,
    })
  )[0]

describe('an endpoint that hangs', () => {
  const hang = { fromMs: 100, untilMs: 600, fail: 'hang' as const }

  it('answers when it ends what it was asked meanwhile, and nothing before', async () => {
    const result = await run({ endpoints: [{ workers: 0, incidents: [hang] }] })
    expect({ answered: result.answered, errors: result.errors }).toEqual({ answered: 100, errors: 0 })
    // The first that is not answered came at 100, and is answered at 600.
    expect(result.maxMs).toBeCloseTo(500, 6)
    expect(result.between(100, 600)).toMatchObject({ requests: 50 })
    expect(result.between(0, 100).maxMs).toBeCloseTo(5, 6)
    expect(result.between(600, 1e9).maxMs).toBeCloseTo(5, 6)
  })

  it('holds its workers, so that what waits is begun after it', async () => {
    const result = await run({ endpoints: [{ incidents: [hang] }] })
    expect(result.answered).toBe(100)
    // Of 50 requests the first is done at 600, each other one 5 ms after the one before.
    expect(result.between(590, 600).maxMs).toBeGreaterThan(240)
  })

  it('now and then, of a period', async () => {
    const flapping = { fromMs: 0, untilMs: 1_000, everyMs: 200, forMs: 50, fail: 'hang' as const }
    const result = await run({ endpoints: [{ workers: 0, incidents: [flapping] }] })
    expect(result.maxMs).toBeCloseTo(50, 6)
    expect(result.shareWithin(6)).toBeGreaterThan(0.7)
  })

  it('lets callers with a deadline go, each once', async () => {
    const result = await run({ endpoints: [{ workers: 0, incidents: [hang] }], deadlineMs: 50 })
    expect(result.answered + result.timeouts + result.refused).toBe(100)
    expect(result.maxMs).toBe(50)
    // Callers give up, so it is sent fewer: some are refused at once, of the last 50 ms too, who would have been answered at its end.
    expect(result.refused).toBeGreaterThan(0)
    expect(result.timeouts + result.refused).toBeLessThanOrEqual(50)
    expect(result.between(600, 1e9)).toMatchObject({ requests: 41, answered: 41 })
    const patient = { limits: { perEndpoint: { adaptive: false } } }
    const all = await run({
      endpoints: [{ workers: 0, incidents: [hang] }],
      deadlineMs: 50,
      service: patient,
    })
    // Those of the last 50 ms are answered at its end.
    expect(Math.abs(all.timeouts - 45)).toBeLessThanOrEqual(1)
    expect(all.answered + all.timeouts).toBe(100)
  })

  it('is found by checks that read answers, not by those that connect', async () => {
    const endpoints = [
      { workers: 0 },
      { workers: 0, incidents: [{ fromMs: 1_000, untilMs: MINUTE_MS, fail: 'hang' as const }] },
    ]
    const times = { interval: 200, timeout: 100 }
    const [reading, connecting] = await Promise.all(
      [{ http: {} }, { tcp: true }].map((kind) =>
        // Without the stall rule, which would find it too.
        run({
          requests: 2_000,
          endpoints,
          service: { health: { ...kind, ...times }, outlier: false },
          policies: ['random'],
        }),
      ),
    )
    expect(reading.sharesBetween(3_000, 20_000)[1]).toBe(0)
    expect(connecting.sharesBetween(3_000, 20_000)[1]).toBeGreaterThan(0.4)
  })
})

describe('long polls', () => {
  it('take their time, hold no worker, and are as frequent as they should be', async () => {
    const longPolls = { share: 0.1, ms: MINUTE_MS }
    const result = await run({
      requests: 10_000,
      endpoints: [{ count: 3, incidents: [{ fromMs: 0, untilMs: FOREVER_MS, longPolls }] }],
    })
    expect(result.answered).toBe(10_000)
    expect(result.maxMs).toBeCloseTo(MINUTE_MS, 6)
    expect(Math.abs(1 - result.shareWithin(1_000) - 0.1)).toBeLessThan(0.01)
    // One worker each, of three endpoints: 100 a second of 5 ms would not get by a poll that held it.
    expect(result.p50Ms).toBeLessThan(20)
  })

  it('end with the deadline, or when they are answered, once', async () => {
    const incidents = [{ fromMs: 0, untilMs: FOREVER_MS, longPolls: { share: 1, ms: 200 } }]
    const patient = await run({ endpoints: [{ workers: 0, incidents }], deadlineMs: 300 })
    const impatient = await run({ endpoints: [{ workers: 0, incidents }], deadlineMs: 100 })
    expect([patient.answered, patient.timeouts]).toEqual([100, 0])
    expect([impatient.answered, impatient.timeouts]).toEqual([0, 100])
  })
})

describe('an event loop that is held', () => {
  const lateness = { everyMs: 100, forMs: 40 }

  it('sees answers, and sends requests, when it goes on', async () => {
    const result = await run({ lateness, requests: 1_000 })
    expect(result.answered).toBe(1_000)
    // It holds from 0 to 40: what arrives at 0 is sent at 40 and answered at 45; at 50 nothing is in its way.
    expect(result.maxMs).toBeGreaterThan(40)
    expect(result.maxMs).toBeLessThanOrEqual(45.000001)
    expect(Math.abs(result.shareWithin(5.000001) - 0.6)).toBeLessThan(0.11)
  })

  it('only while it should', async () => {
    const result = await run({ lateness: { ...lateness, fromMs: 200, untilMs: 500 }, requests: 1_000 })
    expect(result.between(0, 190).maxMs).toBeCloseTo(5, 6)
    expect(result.between(200, 500).maxMs).toBeGreaterThan(40)
    expect(result.between(500, 1e9).maxMs).toBeCloseTo(5, 6)
  })

  it('takes an answer that came before the deadline, however late it is seen', async () => {
    const result = await run({ lateness, deadlineMs: 20, requests: 1_000, load: { rate: 97 } })
    expect(result.answered + result.timeouts).toBe(1_000)
    // Sent before a hold and answered within 5 ms, but seen 40 ms later.
    expect(result.answered).toBeGreaterThan(550)
  })

  it('ends every request once with failures, deadlines and limits as well', async () => {
    const result = await run({
      requests: 5_000,
      lateness,
      clients: 3,
      deadlineMs: 60,
      load: { rate: 500 },
      service: { limits: { perEndpoint: { maxRequests: 3 } } },
      endpoints: [
        { count: 2 },
        {
          incidents: [
            { fromMs: 500, untilMs: 3_000, everyMs: 500, forMs: 200, fail: 'hang' },
            { fromMs: 3_000, untilMs: 6_000, fail: 'status', share: 0.5 },
            { fromMs: 6_000, untilMs: 7_000, fail: 'refuse' },
          ],
        },
      ],
    })
    const { answered, errors, timeouts, refused } = result
    expect(answered + errors + timeouts + refused).toBe(5_000)
    expect(Math.min(answered, errors, timeouts)).toBeGreaterThan(0)
  })
})

describe('one of three endpoints hangs for a minute: share of the picks that it gets after 10 s', () => {
  const HANG = { fromMs: 20_000, untilMs: 80_000, fail: 'hang' as const }
  const share = async (policy: SimulatedPolicy, rate: number, deadlineMs?: number, ejects = false) => {
    const result = await run({
      requests: undefined,
      durationMs: 80_000,
      load: { rate },
      serviceTime: { exponential: { meanMs: 20 } },
      endpoints: [
        { count: 2, workers: 0 },
        { workers: 0, incidents: [HANG] },
      ],
      // Else it would be the limit that keeps requests away.
      service: { limits: { perEndpoint: { maxRequests: 0 } }, ...(ejects ? {} : { outlier: false }) },
      policies: [policy],
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    })
    return result.sharesBetween(30_000, 80_000)[2]
  }
  const BY_LATENCY: SimulatedPolicy[] = [
    'peak-ewma',
    'least-response-time',
    'resource-based',
    'adaptive',
    'prequal',
    { name: 'prequal', probePath: '/load' },
  ]

  it.each(BY_LATENCY)('%j: at most 2 per cent, whether callers wait or give up', async (policy) => {
    for (const deadlineMs of [undefined, 1_000])
      expect(await share(policy, 100, deadlineMs)).toBeLessThanOrEqual(0.02)
  })

  it.each(BY_LATENCY)(
    '%j: at 5 requests a second too, where most of the time nothing is in flight',
    async (policy) => {
      for (const deadlineMs of [undefined, 1_000])
        expect(await share(policy, 5, deadlineMs)).toBeLessThanOrEqual(0.1)
    },
  )

  it.each(['round-robin', 'random', 'join-idle-queue', 'peak-ewma', 'prequal'] as const)(
    '%s: at most 2 per cent by the stall rule, whatever the policy looks at',
    async (policy) => {
      expect(await share(policy, 100, undefined, true)).toBeLessThanOrEqual(0.02)
    },
  )

  it('as a negative: a third under policies that look at nothing', async () => {
    for (const policy of ['round-robin', 'random'] as const)
      expect(await share(policy, 100)).toBeGreaterThan(0.3)
  })
})

it('a request that the balancer gives back from a silent endpoint goes to another one, and ends once', async () => {
  const config: SimulationConfig = {
    requests: 20,
    load: { rate: 1_000, arrivals: 'constant' },
    serviceTime: 5,
    endpoints: [{ workers: 0, incidents: [{ fromMs: 0, untilMs: 5_000, fail: 'hang' }] }, { workers: 0 }],
  }
  const simulation = new Run(config, 1_000, undefined, false)
  const client = new SimulatedClient(
    balancerConfig(config, 'round-robin', 1),
    simulation.network,
    new RandomStream(1, 0),
  )
  const endpoints = singlesOf(config.endpoints).map(
    (one, i) => new SimulatedEndpoint(`e${i}`, one, simulation.agenda.elapsed, false),
  )
  simulation.begin([client], endpoints)
  await client.start()
  while (endpoints[0].requests + endpoints[1].requests < 20) simulation.advance(1)
  expect(endpoints.map(({ requests }) => requests)).toEqual([10, 10])
  for (const lease of simulation.leasesAt(0)) simulation.released(lease)
  while (simulation.advance(1_000)) await new Promise((resolve) => setImmediate(resolve))
  expect(endpoints.map(({ requests }) => requests)).toEqual([10, 20])
  const { ended, latencyMs, count } = simulation.recorder
  expect([...ended.subarray(0, count)]).toEqual(Array(20).fill(1))
  // They were given back after 20 ms at most, and answered in 5; the endpoint hangs for 5 s.
  expect(Math.max(...latencyMs.subarray(0, count))).toBeLessThanOrEqual(25.000001)
  await client.stop()
})
