/**
 * Buoyant's test of Linkerd (2016) with real requests: 11 endpoints that take 167 ms, 1,000 requests a second, one
 * endpoint at 2 s for half of the time. A fifth of its minute: what a balancer pays is paid when the endpoint turns
 * slow, so that the shares of those that notice are lower here than over a minute.
 */
import { CaseProcess } from './harness/case-process.js'
import { figure, interleave, type Samples, withCases } from './harness/interleave.js'
import { type EngineKind, type Result, result } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import type { SubjectSpec } from './http/subjects.js'
import type { Input, Parameters } from './replay/client.js'
import type { Input as EndpointsInput, Parameters as EndpointsParameters } from './replay/endpoints.js'

const FULL = { ms: 12_000, rounds: 3 }
const QUICK = { ms: 3_000, rounds: 1 }

const ENDPOINTS = 11
const SERVICE_MS = 167
const SLOW_MS = 2_000
const LIMIT_MS = 1_000
const PER_SECOND = 1_000
const GRACE_MS = 500

const BALANCED_POOL = 'undici BalancedPool'
const WHAT = 'one of 11 endpoints slow for half of the time'

interface Contender {
  /** As in the table. */
  readonly name: string
  readonly subject: SubjectSpec
  readonly engine?: EngineKind
}

function contenders(engines: readonly EngineKind[]): Contender[] {
  const own = (policy: 'round-robin' | 'least-request' | 'peak-ewma', engine: EngineKind): Contender => ({
    name: `fairlead ${policy}, ${engine}`,
    subject: { kind: 'fairlead', policy },
    engine,
  })
  return [
    { name: BALANCED_POOL, subject: { kind: 'balanced-pool' } },
    own('round-robin', engines[0]),
    own('least-request', engines[0]),
    ...engines.map((engine) => own('peak-ewma', engine)),
  ]
}

export const replay: Suite = {
  name: 'replay',
  about: 'an endpoint that turns slow under load, with real requests: share answered in time',
  async run(run) {
    const all = contenders(run.engines)
    const { ms } = run.quick ? QUICK : FULL
    run.note(
      `replay: Poisson, ${PER_SECOND} requests/s for ${ms} ms, service ${SERVICE_MS} ms, slow ${SLOW_MS} ms, limit ${LIMIT_MS} ms`,
    )
    const samples = await measure(run, all)
    return all.flatMap((one) => rows(one, samples))
  },
}

async function measure(run: Run, all: readonly Contender[]): Promise<Samples> {
  const { ms, rounds } = run.quick ? QUICK : FULL
  const parameters: EndpointsParameters = { endpoints: ENDPOINTS, serviceMs: SERVICE_MS, slowMs: SLOW_MS }
  const endpoints = () =>
    CaseProcess.start('endpoints', { module: new URL('./replay/endpoints.js', import.meta.url), parameters })
  const slow: EndpointsInput = { slowFromMs: ms / 4, slowUntilMs: (ms * 3) / 4 }
  return withCases([endpoints], ([server]) => {
    const ports = Array.from({ length: ENDPOINTS }, (_, i) => server.ready[`port${i}`])
    const clients = all.map(({ name, subject, engine }) => () => {
      const client: Parameters = { subject, ports }
      return CaseProcess.start(name, {
        module: new URL('./replay/client.js', import.meta.url),
        parameters: client,
        engine,
      })
    })
    return withCases(clients, (cases) =>
      interleave(run, cases, {
        what: WHAT,
        warmUp: [],
        rounds,
        input: (seed): Input => ({
          ms,
          limitMs: LIMIT_MS,
          graceMs: SLOW_MS + GRACE_MS,
          perSecond: PER_SECOND,
          seed,
        }),
        before: () => server.slice(slow),
      }),
    )
  })
}

function rows({ name, engine }: Contender, samples: Samples): Result[] {
  const row = (key: string, label: string, unit: string) => ({
    suite: 'replay',
    name: `${WHAT}, ${name.replace(/, .*/, '')}: ${label}`,
    unit,
    samples: figure(samples, name, key),
    ...(engine === undefined
      ? { peer: BALANCED_POOL }
      : { engine, peer: BALANCED_POOL, against: figure(samples, BALANCED_POOL, key) }),
  })
  return [
    result(row('within', `within ${LIMIT_MS} ms`, '%')),
    result(row('p50', 'p50', 'ms')),
    result(row('p99', 'p99', 'ms')),
    result(row('slowShare', 'answered by the slow one', '%')),
    result(row('failed', 'failed', 'requests')),
  ]
}
