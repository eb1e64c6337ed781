import { byteRows } from './counters/bytes.js'
import type { Parameters } from './counters/shared.js'
import { canShare } from './counters/shared-balancer.js'
import { CaseProcess } from './harness/case-process.js'
import { figure, interleaveAfresh, type Samples } from './harness/interleave.js'
import { type EngineKind, type Result, result, type Target } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'

const SUITE = 'counters'
const BALANCED_POOL = 'undici BalancedPool'
const GRPC = 'grpc-js round_robin'
const FALLBACK = 'fairlead fallback'
const ENDPOINTS = 10
const FULL = {
  sizes: [10, 100, 1_000, 10_000],
  threads: [1, 2, 4],
  warmUpMs: [150, 100],
  sliceMs: 50,
  lives: 3,
  rounds: 7,
}
const QUICK = { sizes: [10, 1_000], threads: [2], warmUpMs: [80], sliceMs: 20, lives: 1, rounds: 5 }

const MAX_NS = 130
/** The largest size's time, of the smallest one's. */
const FLAT = 1.3
/** The fallback's time, of the native engine's. */
const TIMES_FALLBACK = 1.2
/** undici's time, of the native engine's, by the number of endpoints. */
const TIMES_UNDICI: Readonly<Record<number, number>> = { 100: 2.5, 1000: 20 }
/** CPU time of a pick that is shared, of one that is not. */
const TIMES_ALONE = 2

/** Who picks in threads. */
interface Sharers {
  readonly what: string
  readonly module: string
  readonly when: boolean
}
const CORE: Sharers = { what: 'engine core', module: './counters/shared.js', when: true }
const BALANCER: Sharers = {
  what: 'balancer',
  module: './counters/shared-balancer.js',
  when: canShare,
}

export const counters: Suite = {
  name: SUITE,
  about: 'pick + end on shared counters: by endpoints, shared by 1, 2 and 4 threads; bytes of an endpoint',
  async run(run) {
    run.note(
      'The engine by itself, two choices by latency, 16 requests in flight a thread, latency recorded.',
    )
    return [
      ...(await bySize(run)),
      ...(await byThreads(run, CORE)),
      ...(await byThreads(run, BALANCER)),
      ...(await byteRows(run)),
    ]
  },
}

const module = (path: string): URL => new URL(path, import.meta.url)
const sized = (n: number): string => `${n.toLocaleString('en-US')} endpoints`

function measure(run: Run, what: string, starts: readonly (() => Promise<CaseProcess>)[]): Promise<Samples> {
  const { warmUpMs: warmUp, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  return interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
}

/** All sizes in the same rounds, since they are compared with each other. */
async function bySize(run: Run): Promise<Result[]> {
  const { sizes } = run.quick ? QUICK : FULL
  const peers = [
    [BALANCED_POOL, 'balanced-pool'],
    [GRPC, 'grpc'],
  ] as const
  const starts = sizes.flatMap((endpoints) => [
    ...run.engines.map(
      (engine) => () =>
        CaseProcess.start(`${engine}, ${endpoints}`, {
          module: module('./counters/alone.js'),
          parameters: { endpoints },
          engine,
        }),
    ),
    ...peers.map(
      ([name, file]) =>
        () =>
          CaseProcess.start(`${name}, ${endpoints}`, {
            module: module(`./pick/${file}.js`),
            parameters: { endpoints },
          }),
    ),
  ])
  const samples = await measure(run, 'pick + end', starts)
  return sizes.flatMap((endpoints) => sizeRows(run.engines, samples, endpoints, sizes[0]))
}

function sizeRows(
  engines: readonly EngineKind[],
  all: Samples,
  endpoints: number,
  smallest: number,
): Result[] {
  const ns = (who: string, size = endpoints): number[] => figure(all, `${who}, ${size}`, 'ns')
  const row = { suite: SUITE, name: `pick + end, ${sized(endpoints)}`, unit: 'ns' }
  const results: Result[] = []
  for (const engine of engines) {
    const own = { ...row, engine, samples: ns(engine) }
    const native = <T>(target: T): T | undefined => (engine === 'native' ? target : undefined)
    results.push(result({ ...own, target: native<Target>({ of: 'value', atMost: MAX_NS }) }))
    if (endpoints !== smallest) {
      const target = native<Target>({ of: 'ratio', atMost: FLAT })
      results.push(result({ ...own, peer: sized(smallest), against: ns(engine, smallest), target }))
    }
    if (engine === 'native' && engines.length > 1) {
      const target = { of: 'ratio', atMost: 1 / TIMES_FALLBACK } as const
      results.push(result({ ...own, peer: FALLBACK, against: ns('fallback'), target }))
    }
    const times = TIMES_UNDICI[endpoints]
    const target = times === undefined ? undefined : native<Target>({ of: 'ratio', atMost: 1 / times })
    results.push(result({ ...own, peer: BALANCED_POOL, against: ns(BALANCED_POOL), target }))
    results.push(result({ ...own, peer: GRPC, against: ns(GRPC) }))
  }
  for (const peer of [BALANCED_POOL, GRPC])
    results.push(result({ ...row, name: `pick alone, ${sized(endpoints)}`, peer, samples: ns(peer) }))
  return results
}

async function byThreads(run: Run, { module: path, what: whose, when }: Sharers): Promise<Result[]> {
  if (!when) {
    run.note(`This fairlead cannot share a balancer yet: no rows of the ${whose}.`)
    return []
  }
  const { threads } = run.quick ? QUICK : FULL
  const name = (engine: EngineKind, count: number, shared: boolean): string =>
    `${engine}, ${count}, ${shared ? 'shared' : 'not shared'}`
  const starts = run.engines.flatMap((engine) =>
    threads.flatMap((count) =>
      [true, false].map((shared) => () => {
        const parameters: Parameters = { threads: count, endpoints: ENDPOINTS, shared }
        return CaseProcess.start(name(engine, count, shared), {
          module: module(path),
          parameters,
          engine,
        })
      }),
    ),
  )
  const samples = await measure(run, `threads, ${whose}`, starts)
  return run.engines.flatMap((engine) =>
    threads.flatMap((count) => {
      const of = (shared: boolean): number[] => figure(samples, name(engine, count, shared), 'cpuNs')
      const what = `${whose}: CPU time of pick + end, ${sized(ENDPOINTS)}, ${count} ${count === 1 ? 'thread' : 'threads'}`
      const row = { suite: SUITE, engine, unit: 'ns' }
      const target: Target = { of: 'ratio', atMost: TIMES_ALONE }
      return [
        result({ ...row, name: `${what}, not shared`, samples: of(false) }),
        result({
          ...row,
          name: `${what}, shared`,
          peer: 'not shared',
          samples: of(true),
          against: of(false),
          target,
        }),
      ]
    }),
  )
}
