import { engine } from '../engine/index.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import { startAntagonists } from './antagonists.js'
import { asksForReports, balancerConfig, endpointId, labelOf, singlesOf } from './balancers.js'
import { SimulatedClient } from './client.js'
import type { SimulatedPolicy, SimulationConfig } from './config.js'
import { startDisruptions } from './deploy.js'
import { distributionOf } from './distributions.js'
import { SimulatedEndpoint } from './endpoint.js'
import { Keys } from './keys.js'
import { goodputBetween, overTime } from './over-time.js'
import { parseSimulation } from './parse.js'
import { RandomStream } from './random.js'
import type { Recorder } from './recorder.js'
import {
  type GoodputResult,
  latencyBetween,
  latencyResult,
  type PolicyResult,
  queueResult,
  sharesBetween,
  shareWithin,
  tierResults,
} from './results.js'
import { Run, STREAM } from './run.js'

const DEFAULT_POLICY: SimulatedPolicy = 'peak-ewma'
const MS_PER_S = 1_000
/** Events between two looks at the real clock. */
const EVENTS_AT_ONCE = 10_000
const PROGRESS_MS = 200

/** What `simulate()` takes beside the simulation. */
export interface SimulateOptions {
  /** Called about five times a second. `share` is 0 to 1, of this policy's run. */
  onProgress?(policy: string, share: number): void
}

/**
 * Sends the same simulated requests through the shipped balancer under each policy, on this process's engine. One seed
 * gives the same results each time.
 *
 * Each request is tried once: retries and hedging are the clients' (`fetch`, dispatcher), which are not simulated.
 * @throws ConfigError with every fault of the configuration
 */
export async function simulate(
  config: SimulationConfig,
  options: SimulateOptions = {},
): Promise<PolicyResult[]> {
  const parsed = parseSimulation(config)
  const results: PolicyResult[] = []
  for (const policy of parsed.policies ?? [DEFAULT_POLICY])
    results.push(await simulatePolicy(parsed, policy, options))
  return results
}

async function simulatePolicy(
  config: SimulationConfig,
  policy: SimulatedPolicy,
  { onProgress }: SimulateOptions,
): Promise<PolicyResult> {
  const { seed = 1, clients: processes = 1 } = config
  const label = labelOf(policy)
  const singles = singlesOf(config.endpoints)
  const reports = asksForReports(policy)
  const keys = config.keys === undefined ? undefined : new Keys(config.keys)
  const run = new Run(config, perSecondOf(config), keys, reports)
  const clients = Array.from({ length: processes }, (_, i) => {
    const random = new RandomStream(seed, STREAM.CLIENTS + i)
    return new SimulatedClient(balancerConfig(config, policy, (seed + i) % TWO_TO_32), run.network, random)
  })
  const endpoints = singles.map(
    (single, i) => new SimulatedEndpoint(endpointId(i), single, run.agenda.elapsed, reports),
  )
  try {
    startAntagonists(run, singles, endpoints, seed)
    startDisruptions(run, clients, endpoints, config.deploy)
    run.begin(clients, endpoints)
    for (const client of clients) await client.start()
    let reported = performance.now()
    while (run.advance(EVENTS_AT_ONCE)) {
      // Promises of health checks settle; and whoever else lives in this process gets a turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (performance.now() - reported < PROGRESS_MS) continue
      reported = performance.now()
      onProgress?.(label, run.progress)
    }
  } finally {
    for (const client of clients) await client.stop()
  }
  return resultOf(config, label, run, endpoints)
}

function resultOf(
  config: SimulationConfig,
  label: string,
  run: Run,
  endpoints: readonly SimulatedEndpoint[],
): PolicyResult {
  const { recorder } = run
  const simulatedMs = run.agenda.elapsed()
  const sent = endpoints.reduce((sum, { requests }) => sum + requests, 0)
  const most = Math.max(...endpoints.map(({ requests }) => requests))
  return {
    policy: label,
    engine: engine.kind,
    simulatedMs,
    ...latencyResult(recorder),
    endpoints: endpoints.map(({ id, requests, busyMs, workers }) => ({
      id,
      requests,
      share: sent === 0 ? 0 : requests / sent,
      utilization: Number.isFinite(workers) ? busyMs / simulatedMs / workers : Number.NaN,
    })),
    maxOverMean: sent === 0 ? Number.NaN : (most * endpoints.length) / sent,
    queueTail: Array.from(run.tail, (seen) => seen / recorder.count),
    goodput: goodputOf(config, recorder),
    overTime: overTime(recorder),
    queue: queueResult(recorder, run.waiting.most),
    ...(config.tiers === undefined ? {} : { tiers: tierResults(recorder, config.tiers.length) }),
    between: (fromMs, untilMs) => latencyBetween(recorder, fromMs, untilMs),
    goodputBetween: (fromMs, untilMs) => goodputBetween(recorder, fromMs, untilMs),
    shareWithin: (limitMs) => shareWithin(recorder, limitMs),
    sharesBetween: (fromMs, untilMs) => sharesBetween(recorder, endpoints.length, fromMs, untilMs),
  }
}

function goodputOf(config: SimulationConfig, recorder: Recorder): GoodputResult {
  const { count, arrivedAt } = recorder
  const perSecond = count === 0 ? Number.NaN : goodputBetween(recorder, arrivedAt[0], arrivedAt[count - 1])
  const capacity = capacityOf(config)
  return { perSecond, capacity, ofCapacity: perSecond / capacity }
}

/** Requests a second of all clients together. */
function perSecondOf(config: SimulationConfig): number {
  const { rate, utilization = 0 } = config.load
  return rate ?? utilization * capacityOf(config)
}

/** Requests a second that all endpoints can answer together; NaN where one has no limit of workers. */
function capacityOf({ endpoints, serviceTime }: SimulationConfig): number {
  const workers = singlesOf(endpoints).reduce(
    (sum, one) => sum + (one.workers === 0 ? Number.NaN : (one.workers ?? 1) * (one.speed ?? 1)),
    0,
  )
  return (workers * MS_PER_S) / distributionOf(serviceTime).mean
}
