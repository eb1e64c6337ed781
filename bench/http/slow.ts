/** Three endpoints, one of them 100 times slower, open loop at half of their capacity: what balancing is good for. */
import { CaseProcess } from '../harness/case-process.js'
import { figure, interleave, type Samples, withCases } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Input, Parameters } from './slow-client.js'
import type { SubjectSpec } from './subjects.js'
import type { Parameters as ServerParameters } from './timed-server.js'

const FULL = { ms: 3_000, warmUpMs: 500, rounds: 3 }
const QUICK = { ms: 1_000, warmUpMs: 300, rounds: 1 }
const GRACE_MS = 500

const SERVICE_MS = [2, 2, 200]
const SLOW = 2
const WORKERS = 2
const MS_PER_S = 1e3
/** Requests a second that all endpoints together can serve, with `WORKERS` each. */
const CAPACITY = SERVICE_MS.reduce((sum, ms) => sum + (WORKERS * MS_PER_S) / ms, 0)
const LOAD = CAPACITY / 2

const BALANCED_POOL = 'undici BalancedPool'
const MAX_P99_RATIO = 0.2

interface Variant {
  readonly what: string
  /** Of each endpoint; 0: no limit, so that the slow one is slow but never overloaded. */
  readonly workers: number
}

const VARIANTS: readonly Variant[] = [
  { what: `one of 3 endpoints 100x slower, ${WORKERS} workers each`, workers: WORKERS },
  { what: 'one of 3 endpoints 100x slower, workers without limit', workers: 0 },
]

interface Contender {
  readonly name: string
  readonly subject: SubjectSpec
  readonly engine?: EngineKind
}

export async function slowEndpoint(run: Run): Promise<Result[]> {
  run.note(
    `slow endpoint: Poisson, ${Math.round(LOAD)} requests/s, service ${SERVICE_MS.join(', ')} ms, each run from a cold start`,
  )
  const results: Result[] = []
  for (const variant of VARIANTS) results.push(...(await measure(run, variant)))
  return results
}

async function measure(run: Run, { what, workers }: Variant): Promise<Result[]> {
  const { ms, warmUpMs, rounds } = run.quick ? QUICK : FULL
  const contenders: Contender[] = [
    { name: BALANCED_POOL, subject: { kind: 'balanced-pool' } },
    ...run.engines.map(
      (engine): Contender => ({
        name: `fairlead, ${engine}`,
        subject: { kind: 'fairlead', policy: 'peak-ewma' },
        engine,
      }),
    ),
  ]
  const servers = SERVICE_MS.map((serviceMs, index) => () => {
    const parameters: ServerParameters = { index, port: 0, serviceMs, workers }
    return CaseProcess.start(`endpoint ${index}`, {
      module: new URL('./timed-server.js', import.meta.url),
      parameters,
    })
  })
  const samples = await withCases(servers, (endpoints) => {
    const ports = endpoints.map(({ ready }) => ready['port'])
    const clients = contenders.map(({ name, subject, engine }) => () => {
      const parameters: Parameters = { subject, ports, slow: SLOW }
      return CaseProcess.start(name, {
        module: new URL('./slow-client.js', import.meta.url),
        parameters,
        engine,
      })
    })
    const input = (lasts: number, seed: number): Input => ({
      ms: lasts,
      graceMs: GRACE_MS,
      perSecond: LOAD,
      seed,
    })
    return withCases(clients, (cases) =>
      interleave(run, cases, {
        what,
        warmUp: [input(warmUpMs, 0)],
        rounds,
        input: (round) => input(ms, round),
        before: () => Promise.all(endpoints.map((endpoint) => endpoint.slice())),
      }),
    )
  })
  return contenders.flatMap((one) => rows(what, one, samples))
}

function rows(what: string, { name, engine }: Contender, samples: Samples): Result[] {
  const own = engine !== undefined
  const row = (key: string, label: string, unit: string) => ({
    suite: 'http',
    name: `${what}: ${label}`,
    unit,
    samples: figure(samples, name, key),
    ...(own ? { engine, peer: BALANCED_POOL, against: figure(samples, BALANCED_POOL, key) } : { peer: name }),
  })
  return [
    result({
      ...row('p99', 'p99', 'ms'),
      ...(own ? { target: { of: 'ratio', atMost: MAX_P99_RATIO } } : {}),
    }),
    result(row('p50', 'p50', 'ms')),
    result(row('slowShare', 'sent to the slow one', '%')),
    result(row('failed', 'failed', 'requests')),
  ]
}
