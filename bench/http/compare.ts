/** Closed loops side by side: each contender in a process of its own, over the same servers, taking turns. */
import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh, type Samples } from '../harness/interleave.js'
import { type EngineKind, type Result, result, type Target } from '../harness/result.js'
import { median } from '../harness/statistics.js'
import type { Run } from '../harness/suite.js'
import type { Call, Input, Parameters } from './closed-loop.js'

/**
 * Warming up takes requests, not time: code is compiled when it has run often enough. Processes begin anew since one lies
 * better in memory than the other, for as long as it lives.
 */
const FULL = { warmUpRequests: 20_000, settleMs: 100, sliceMs: 200, rounds: 11, lives: 3 }
const QUICK = { warmUpRequests: 5_000, settleMs: 50, sliceMs: 100, rounds: 3, lives: 1 }
const PER_CENT = 100

export interface Contender {
  /** As in the table. */
  readonly name: string
  readonly call: Call
  readonly subject: Parameters['subject']
  readonly engine?: EngineKind
  /** What fairlead's rows are to reach, of the peer's CPU and throughput. */
  readonly isJudged?: boolean
}

export interface Comparison {
  /** As in the table, before each row. */
  readonly what: string
  readonly contenders: readonly Contender[]
  /** Name of the contender that those of fairlead are compared with, call by call. */
  readonly peer: string
  /** Requests in flight, in the client. */
  readonly concurrency: number
  readonly endpoints: number
  readonly server: URL
  /** Certificate of the authority, where the endpoints speak TLS. */
  readonly ca?: string
  readonly maxCpuRatio: number
  readonly minRateRatio: number
}

const caseName = ({ name, call, engine }: Contender): string =>
  `${name}, ${call}${engine === undefined ? '' : `, ${engine}`}`

export async function compare(run: Run, comparison: Comparison): Promise<Result[]> {
  const { what, contenders, concurrency, endpoints, ca } = comparison
  const { warmUpRequests, settleMs, sliceMs, rounds, lives } = run.quick ? QUICK : FULL
  const parameters = { endpoints }
  const server = await CaseProcess.start('servers', { module: comparison.server, parameters })
  try {
    const ports = Array.from({ length: endpoints }, (_, i) => server.ready[`port${i}`])
    const module = new URL('./closed-loop.js', import.meta.url)
    const starts = contenders.map((one) => () => {
      const { subject, call, engine } = one
      const parameters: Parameters = { subject, call, ports, concurrency, ca }
      return CaseProcess.start(caseName(one), { module, parameters, engine })
    })
    const serverBusy: number[] = []
    const samples = await interleaveAfresh(run, starts, {
      lives,
      what,
      warmUp: [{ ms: 0, atLeast: warmUpRequests } satisfies Input],
      rounds,
      input: (): Input => ({ ms: sliceMs, settleMs }),
      before: async () => serverBusy.push((await server.slice()).busy),
    })
    const clients = contenders.map((one) => median(figure(samples, caseName(one), 'busy')) * PER_CENT)
    run.note(
      `${what}: the servers used ${Math.round(median(serverBusy) * PER_CENT)}% of a core, ` +
        `the clients ${Math.round(Math.min(...clients))} to ${Math.round(Math.max(...clients))}%`,
    )
    return contenders.flatMap((one) => rows(comparison, one, samples))
  } finally {
    await server.close()
  }
}

function rows(comparison: Comparison, one: Contender, samples: Samples): Result[] {
  const { maxCpuRatio, minRateRatio } = comparison
  const { call, engine, name, isJudged } = one
  const own = engine !== undefined
  const rival = `${comparison.peer}, ${call}`
  const row = { suite: 'http', ...(own ? { engine, peer: comparison.peer } : { peer: name }) }
  const what = `${comparison.what}, ${call}${own ? `, ${name.replace('fairlead ', '')}` : ''}`
  const of = (key: string, target: Target) => ({
    samples: figure(samples, caseName(one), key),
    ...(own ? { against: figure(samples, rival, key) } : {}),
    ...(isJudged ? { target } : {}),
  })
  return [
    result({
      ...row,
      name: `${what}: client CPU`,
      unit: 'us/request',
      ...of('cpuUs', { of: 'ratio', atMost: maxCpuRatio }),
    }),
    result({
      ...row,
      name: `${what}: throughput`,
      unit: 'requests/s',
      ...of('perSecond', { of: 'ratio', atLeast: minRateRatio }),
    }),
  ]
}
