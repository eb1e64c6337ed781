/** Three equal endpoints, closed loop: what balancing costs. */
import { CaseProcess } from '../harness/case-process.js'
import { figure, interleave, type Samples, withCases } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import { median } from '../harness/statistics.js'
import type { Run } from '../harness/suite.js'
import type { Call, Input, Parameters } from './closed-loop.js'

/** Warming up takes requests, not time: code is compiled when it has run often enough. */
const FULL = { warmUpRequests: 20_000, settleMs: 100, sliceMs: 250, rounds: 31 }
const QUICK = { warmUpRequests: 5_000, settleMs: 50, sliceMs: 100, rounds: 5 }
const ENDPOINTS = 3
const CONCURRENCY = 50

const BALANCED_POOL = 'undici BalancedPool'
const MAX_CPU_RATIO = 1.03
const MIN_RATE_RATIO = 0.97
const PER_CENT = 100

interface Contender {
  /** As in the table. */
  readonly name: string
  readonly call: Call
  readonly subject: Parameters['subject']
  readonly engine?: EngineKind
}

function contenders(engines: readonly EngineKind[]): Contender[] {
  const floor = (call: Call): Contender[] => [
    { name: BALANCED_POOL, call, subject: { kind: 'balanced-pool' } },
  ]
  const own = (call: Call, policy: 'peak-ewma' | 'round-robin', engine: EngineKind): Contender => ({
    name: `fairlead ${policy}`,
    call,
    subject: { kind: 'fairlead', policy },
    engine,
  })
  return [
    { name: 'bare sockets, no HTTP client', call: 'request', subject: { kind: 'bare-sockets' } },
    { name: 'undici Pool over one', call: 'request', subject: { kind: 'pool' } },
    { name: 'undici RoundRobinPool over one', call: 'request', subject: { kind: 'round-robin-pool' } },
    ...floor('request'),
    ...engines.map((engine) => own('request', 'peak-ewma', engine)),
    ...engines.map((engine) => own('request', 'round-robin', engine)),
    ...floor('dispatch'),
    ...engines.map((engine) => own('dispatch', 'peak-ewma', engine)),
  ]
}

const caseName = ({ name, call, engine }: Contender): string =>
  `${name}, ${call}${engine === undefined ? '' : `, ${engine}`}`

export async function equalEndpoints(run: Run): Promise<Result[]> {
  const { warmUpRequests, settleMs, sliceMs, rounds } = run.quick ? QUICK : FULL
  const all = contenders(run.engines)
  const server = await CaseProcess.start('servers', {
    module: new URL('./fast-server.js', import.meta.url),
    parameters: { endpoints: ENDPOINTS },
  })
  try {
    const ports = Array.from({ length: ENDPOINTS }, (_, i) => server.ready[`port${i}`])
    const module = new URL('./closed-loop.js', import.meta.url)
    const starts = all.map((one) => () => {
      const parameters: Parameters = { subject: one.subject, call: one.call, ports, concurrency: CONCURRENCY }
      return CaseProcess.start(caseName(one), { module, parameters, engine: one.engine })
    })
    const serverBusy: number[] = []
    const samples = await withCases(starts, (cases) =>
      interleave(run, cases, {
        what: 'three equal endpoints',
        warmUp: [{ ms: 0, atLeast: warmUpRequests } satisfies Input],
        rounds,
        input: (): Input => ({ ms: sliceMs, settleMs }),
        before: async () => serverBusy.push((await server.slice()).busy),
      }),
    )
    const clients = all.map((one) => median(figure(samples, caseName(one), 'busy')) * PER_CENT)
    run.note(
      `three equal endpoints: ${CONCURRENCY} requests in flight; the servers used ${Math.round(median(serverBusy) * PER_CENT)}% of a core, ` +
        `the clients ${Math.round(Math.min(...clients))} to ${Math.round(Math.max(...clients))}%`,
    )
    return all.flatMap((one) => rows(one, samples))
  } finally {
    await server.close()
  }
}

function rows(one: Contender, samples: Samples): Result[] {
  const { call, engine, name } = one
  const own = engine !== undefined
  const rival = `${BALANCED_POOL}, ${call}`
  const row = {
    suite: 'http',
    ...(own ? { engine, peer: BALANCED_POOL } : { peer: name }),
  }
  const what = `3 equal endpoints, ${call}${own ? `, ${name.replace('fairlead ', '')}` : ''}`
  const of = (key: string) => ({
    samples: figure(samples, caseName(one), key),
    ...(own ? { against: figure(samples, rival, key) } : {}),
  })
  // The bar is for what a user gets who changes nothing: the default policy, through `request`.
  const judged = own && call === 'request' && name === 'fairlead peak-ewma'
  return [
    result({
      ...row,
      name: `${what}: client CPU`,
      unit: 'us/request',
      ...of('cpuUs'),
      ...(judged ? { target: { of: 'ratio', atMost: MAX_CPU_RATIO } } : {}),
    }),
    result({
      ...row,
      name: `${what}: throughput`,
      unit: 'requests/s',
      ...of('perSecond'),
      ...(judged ? { target: { of: 'ratio', atLeast: MIN_RATE_RATIO } } : {}),
    }),
  ]
}
