/** Three equal endpoints, closed loop: what balancing costs, from one request in flight to many. */
import type { EngineKind, Result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Call } from './closed-loop.js'
import { type Contender, compare } from './compare.js'

const ENDPOINTS = 3
/** Requests in flight. */
const LEVELS = [1, 10, 50, 500]
/** At which those run too that tell where the cost comes from. */
const FULL_LEVEL = 50
const CALLS: readonly Call[] = ['request', 'dispatch']

const BALANCED_POOL = 'undici BalancedPool'
const MAX_CPU_RATIO = 1
const MIN_RATE_RATIO = 1

type Policy = 'peak-ewma' | 'round-robin'

const own = (call: Call, policy: Policy, engine: EngineKind, isJudged: boolean): Contender => ({
  name: `fairlead ${policy}`,
  call,
  subject: { kind: 'fairlead', policy },
  engine,
  isJudged,
})

/** The bar is for what a user gets who changes nothing: the default policy. */
const rivals = (engines: readonly EngineKind[]): Contender[] =>
  CALLS.flatMap((call) => [
    { name: BALANCED_POOL, call, subject: { kind: 'balanced-pool' } } satisfies Contender,
    ...engines.map((engine) => own(call, 'peak-ewma', engine, true)),
  ])

const others = (engines: readonly EngineKind[]): Contender[] => [
  { name: 'bare sockets, no HTTP client', call: 'request', subject: { kind: 'bare-sockets' } },
  { name: 'undici Pool over one', call: 'request', subject: { kind: 'pool' } },
  { name: 'undici RoundRobinPool over one', call: 'request', subject: { kind: 'round-robin-pool' } },
  ...engines.map((engine) => own('request', 'round-robin', engine, false)),
]

export async function equalEndpoints(run: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const concurrency of LEVELS) {
    const contenders = rivals(run.engines)
    if (concurrency === FULL_LEVEL) contenders.push(...others(run.engines))
    const rows = await compare(run, {
      what: `3 equal endpoints, ${concurrency} in flight`,
      contenders,
      peer: BALANCED_POOL,
      concurrency,
      endpoints: ENDPOINTS,
      server: new URL('./fast-server.js', import.meta.url),
      maxCpuRatio: MAX_CPU_RATIO,
      minRateRatio: MIN_RATE_RATIO,
    })
    results.push(...rows)
  }
  return results
}
