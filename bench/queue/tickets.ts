import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh, type Samples } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './ticket-threads.js'
import { isBuilt } from './transport/boost.js'

const MODULE = new URL('./ticket-threads.js', import.meta.url)
const RING = 'Atomics ring, one item at a time'
const BOOST = 'boost, one item at a time'
const FALLBACK = 'fairlead fallback'
const FULL = { batches: [1, 8, 64, 256, 1_024], warmUpMs: [30, 60], sliceMs: 60, lives: 5, rounds: 7 }
const QUICK = { batches: [1, 64], warmUpMs: [20], sliceMs: 20, lives: 1, rounds: 5 }
/** Items a second that the native engine is to reach, in batches of this and more. */
const MIN_PER_SECOND = 100e6
const FAST_FROM = 64
const NOT_SLOWER_FROM = 8
/** Of the ring's items a second, by both engines. */
const TIMES_RING = 5
const MILLION = 1e6

/** Starts one case; `engine` only for fairlead. */
export const startTickets =
  (name: string, parameters: Parameters, engine?: EngineKind) => (): Promise<CaseProcess> =>
    CaseProcess.start(name, { module: MODULE, parameters, engine })

/** Numbers from one thread to another, published by the batch. */
export async function ticketRows(run: Run): Promise<Result[]> {
  if (!isBuilt())
    run.note('The Boost peer is not built (that takes a C++ compiler, CMake and Boost): no rows of it.')
  const results: Result[] = []
  for (const batch of (run.quick ? QUICK : FULL).batches) results.push(...(await ofBatch(run, batch)))
  return results
}

async function ofBatch(run: Run, batch: number): Promise<Result[]> {
  const { warmUpMs, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const pair = { batch, producers: 1, consumers: 1 }
  const starts = [
    ...run.engines.map((engine) => startTickets(engine, { ...pair, transport: 'fairlead' }, engine)),
    startTickets(RING, { ...pair, transport: 'ring' }),
    ...(isBuilt() ? [startTickets(BOOST, { ...pair, transport: 'boost' })] : []),
  ]
  const what = `tickets between two threads, batches of ${batch.toLocaleString('en-US')}`
  const warmUp = warmUpMs
  const samples = await interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
  return rows(run.engines, what, batch, samples)
}

function rows(engines: readonly EngineKind[], name: string, batch: number, all: Samples): Result[] {
  const millions = (who: string): number[] => figure(all, who, 'perSecond').map((one) => one / MILLION)
  const row = { suite: 'queue', name, unit: 'M/s' }
  const fast = batch >= FAST_FROM
  const results: Result[] = []
  for (const engine of engines) {
    const samples = millions(engine)
    const own = { ...row, engine, samples }
    if (engine === 'native') {
      const target = fast ? ({ of: 'value', atLeast: MIN_PER_SECOND / MILLION } as const) : undefined
      results.push(result({ ...own, target }))
    }
    if (engine === 'native' && engines.length > 1) {
      const target = batch >= NOT_SLOWER_FROM ? ({ of: 'ratio', atLeast: 1 } as const) : undefined
      results.push(result({ ...own, peer: FALLBACK, against: millions('fallback'), target }))
    }
    const target = fast ? ({ of: 'ratio', atLeast: TIMES_RING } as const) : undefined
    results.push(result({ ...own, peer: RING, against: millions(RING), target }))
    if (all.has(BOOST)) results.push(result({ ...own, peer: BOOST, against: millions(BOOST) }))
  }
  for (const peer of [RING, BOOST])
    if (all.has(peer)) results.push(result({ ...row, peer, samples: millions(peer) }))
  return results
}
