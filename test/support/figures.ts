/**
 * The figures that balancing is held to, each as a run of the simulator with the shipped balancer: short ones in every
 * test run, those with millions of requests among the long tests.
 */
import { expect } from 'vitest'
import { definePolicy, type PolicyResult, type SimulatedPolicy, simulate } from '../../lib/simulate/index.js'

export interface Figure {
  readonly mean: number
  readonly p99?: number
}

/** By how much a measured figure may differ from what it should be, as a share of it. */
export interface Tolerance {
  readonly mean: number
  readonly p99: number
}

const MEAN_MS = 10
/** The admission queue with all bounds as far away as they go: nobody is refused. */
export const ENDLESS_QUEUE = { discipline: 'fifo', limit: 32_768, deadlineMs: 3_600_000 } as const
/** What the figures' authors had: no limit of any kind. */
const UNLIMITED = { limits: { perEndpoint: { maxRequests: 0, adaptive: false } } }

export interface Queues {
  readonly endpoints: number
  /** Share of the capacity. */
  readonly load: number
  readonly requests: number
  readonly seed?: number
  /** Requests that one endpoint may have; the others wait in the admission queue. 0: no limit, and nobody waits there. */
  readonly slots?: number
}

/** FIFO endpoints with one worker, exponential service of mean 1, Poisson arrivals. Times come out in that unit. */
export async function queues(
  { endpoints, load, requests, seed = 1, slots = 0 }: Queues,
  policy: SimulatedPolicy,
): Promise<Figure & { readonly p99: number; readonly tail: readonly number[] }> {
  const [result] = await simulate({
    seed,
    requests,
    warmUp: Math.ceil(requests / 10),
    load: { utilization: load },
    serviceTime: { exponential: { meanMs: MEAN_MS } },
    endpoints: [{ count: endpoints }],
    service: { limits: { perEndpoint: { maxRequests: slots } }, queue: ENDLESS_QUEUE },
    policies: [policy],
  })
  expect({ requests: result.answered, errors: result.errors }).toEqual({ requests, errors: 0 })
  return { mean: result.meanMs / MEAN_MS, p99: result.p99Ms / MEAN_MS, tail: result.queueTail }
}

const off = (measured: number, expected: number): number => Math.abs(measured / expected - 1)

export const isWithin = (measured: Required<Figure>, figure: Figure, tolerance: Tolerance): boolean =>
  off(measured.mean, figure.mean) <= tolerance.mean &&
  (figure.p99 === undefined || off(measured.p99, figure.p99) <= tolerance.p99)

export function expectFigure(measured: Required<Figure>, figure: Figure, tolerance: Tolerance): void {
  const seen = `mean ${measured.mean.toFixed(3)}, p99 ${measured.p99.toFixed(2)}`
  const wanted = `mean ${figure.mean} within ${tolerance.mean}, p99 ${figure.p99} within ${tolerance.p99}`
  expect(isWithin(measured, figure, tolerance), `${seen}; it should be ${wanted}`).toBe(true)
}

const ALL = { name: 'least-request', choices: 'all' } as const

/** 10 endpoints at a load of 0.9. */
export const TEN_ENDPOINTS: readonly {
  readonly what: string
  readonly policy: SimulatedPolicy
  readonly slots?: number
  readonly figure: Required<Figure>
}[] = [
  // M/M/1: 1 / (1 - load), and ln(100) times that.
  { what: 'random', policy: 'random', figure: { mean: 10, p99: 46.05 } },
  { what: 'round robin', policy: 'round-robin', figure: { mean: 5.7, p99: 24.8 } },
  { what: 'two choices', policy: 'least-request', figure: { mean: 2.98, p99: 10.5 } },
  { what: 'join idle queue', policy: 'join-idle-queue', figure: { mean: 2.44, p99: 13 } },
  { what: 'join shortest queue', policy: ALL, figure: { mean: 1.94, p99: 8.3 } },
  { what: 'central queue, 2 slots', policy: ALL, slots: 2, figure: { mean: 1.91, p99: 7.4 } },
  { what: 'central queue, 3 slots', policy: ALL, slots: 3, figure: { mean: 1.93, p99: 7.8 } },
]

/** The floor: M/M/n (Erlang C), which a central queue with one slot for each endpoint is. */
export const CENTRAL_QUEUE: readonly { readonly endpoints: number; readonly figure: Required<Figure> }[] = [
  { endpoints: 2, figure: { mean: 5.26, p99: 23.3 } },
  { endpoints: 10, figure: { mean: 1.669, p99: 6.25 } },
  { endpoints: 100, figure: { mean: 1.02, p99: 4.63 } },
]

/** Mitzenmacher, *The Power of Two Choices in Randomized Load Balancing*, 2001: endless endpoints. */
export function twoChoices(load: number): { readonly mean: number; readonly tail: readonly number[] } {
  const tail = Array.from({ length: 12 }, (_, i) => load ** (2 ** (i + 1) - 1))
  return { mean: tail.reduce((sum, share) => sum + share, 0) / load, tail: [1, ...tail] }
}

/** Two choices that may fall on one endpoint: what fairlead's must not be. */
export const withReplacement = definePolicy('two-choices-with-replacement', {
  picker: ({ endpoints, inFlight, random }) => {
    const any = () => endpoints[Math.floor(random() * endpoints.length)]
    return () => {
      const [one, other] = [any(), any()]
      return inFlight(other) < inFlight(one) ? other : one
    }
  },
})

/** A million picks over 10 endpoints, none of which ever ends: the busiest one's requests above the mean. */
export async function ballsInBins(policy: SimulatedPolicy, seed = 1): Promise<number> {
  const [requests, endpoints] = [1_000_000, 10]
  const [result] = await simulate({
    seed,
    requests,
    load: { rate: 1_000_000 },
    serviceTime: 86_400_000,
    endpoints: [{ count: endpoints, workers: 0 }],
    service: UNLIMITED,
    policies: [policy],
  })
  expect(result.answered).toBe(requests)
  return Math.max(...result.endpoints.map((one) => one.requests)) - requests / endpoints
}

/**
 * Buoyant's test of Linkerd, 2016: 11 endpoints, median 167 ms, 1,000 requests a second for a minute, one endpoint at 2 s
 * for half of it. Per cent of the requests that are answered within a second.
 */
export async function linkerdReplay(policy: SimulatedPolicy, seed = 1): Promise<number> {
  const [NORMAL_MS, SLOW_MS, LIMIT_MS] = [167, 2_000, 1_000]
  const slow = { fromMs: 15_000, untilMs: 45_000, slowBy: SLOW_MS / NORMAL_MS }
  const [result] = await simulate({
    seed,
    requests: 60_000,
    load: { rate: 1_000, arrivals: 'constant' },
    serviceTime: NORMAL_MS,
    endpoints: [
      { count: 10, workers: 0 },
      { workers: 0, incidents: [slow] },
    ],
    service: UNLIMITED,
    policies: [policy],
  })
  return 100 * result.shareWithin(LIMIT_MS)
}

export const PREQUAL_STEPS = [0.75, 0.83, 0.93, 1.03, 1.14, 1.27, 1.41, 1.57, 1.74] as const
export const PREQUAL: SimulatedPolicy = { name: 'prequal', probePath: '/load' }
/** By requests a second over CPU, as endpoints report them: what Prequal replaced. */
export const REPORTED_WEIGHTS: SimulatedPolicy = { name: 'resource-based', weights: 'orca' }

/**
 * Prequal (NSDI 2024, 5.1): clients with a balancer each, endpoints with antagonists that leave them four fifths of what they
 * are entitled to, or up to three times of it; load as a share of the entitlement; deadline 5 s. By step of the load.
 */
export async function prequalRamp(
  policy: SimulatedPolicy,
  size: { readonly clients: number; readonly endpoints: number; readonly stepMs: number },
  steps: readonly number[] = PREQUAL_STEPS,
): Promise<{ readonly load: number; readonly timeouts: number; readonly p999Ms: number }[]> {
  const { clients, endpoints, stepMs } = size
  const [WORKERS, SERVICE_MS] = [8, 80]
  const [result]: PolicyResult[] = await simulate({
    durationMs: steps.length * stepMs,
    clients,
    deadlineMs: 5_000,
    load: {
      rate: (endpoints * WORKERS * 1_000) / SERVICE_MS,
      ramp: steps.flatMap((factor, i) => [
        { atMs: i * stepMs, factor },
        { atMs: (i + 1) * stepMs, factor },
      ]),
    },
    serviceTime: { exponential: { meanMs: SERVICE_MS } },
    endpoints: [
      { count: endpoints, workers: WORKERS, antagonist: { slowBy: [1.25, 0.5, 0.4, 0.33], holdMs: 10_000 } },
    ],
    // Time-outs in a row would eject, and hide what the policy does.
    service: { ...UNLIMITED, outlier: false },
    policies: [policy],
  })
  return steps.map((load, i) => ({ load, ...result.between(i * stepMs, (i + 1) * stepMs) }))
}
