import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh, type Samples } from '../harness/interleave.js'
import { type EngineKind, type Result, result, type Target } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './requests-threads.js'

const MODULE = new URL('./requests-threads.js', import.meta.url)
const FULL = { warmUpMs: [60, 120], sliceMs: 100, lives: 5, rounds: 5 }
/** In less both threads still compile what they run, and the figures say nothing of the queue. */
const QUICK = { warmUpMs: [60, 120, 120], sliceMs: 40, lives: 1, rounds: 5 }
const FALLBACK = 'fairlead fallback'
const POST_MESSAGE = 'postMessage'
const PISCINA = 'piscina, one thread, each answered'
const LARGE = 64
const SMALL = 8
const MILLION = 1e6
const MIN_PER_SECOND = 10e6
const TIMES_POST_MESSAGE = 10
/** Of the requests a second of ringbuf.js, which takes one writer and one reader. */
const TIMES_RINGBUF = 1.2

interface Peer {
  readonly name: string
  readonly parameters: Parameters
  /** Of the native engine. */
  readonly target?: Target
}

const ringbuf = (batch: number): Peer => ({
  name: `ringbuf.js, ${batch} at once`,
  parameters: { carrier: 'ringbuf', batch },
  target: { of: 'ratio', atLeast: TIMES_RINGBUF },
})

const PEERS: readonly Peer[] = [
  {
    name: POST_MESSAGE,
    parameters: { carrier: 'post-message', batch: 1 },
    target: { of: 'ratio', atLeast: TIMES_POST_MESSAGE },
  },
  { name: `postMessage, ${LARGE} in a message`, parameters: { carrier: 'post-message', batch: LARGE } },
  ringbuf(LARGE),
]

const WHAT = 'requests of 64 bytes between two threads'

/** Requests of 64 bytes from one thread to another. */
export async function requestRows(run: Run): Promise<Result[]> {
  run.note('@nxtedition/shared is no row: the npm registry has no such package.')
  const piscina = (): Promise<CaseProcess> =>
    CaseProcess.start(PISCINA, {
      module: new URL('./piscina-case.js', import.meta.url),
      parameters: null,
    })
  const large = await measure(run, LARGE, PEERS, [piscina])
  const small = await measure(run, SMALL, [ringbuf(SMALL)])
  const least: Target = { of: 'value', atLeast: MIN_PER_SECOND / MILLION }
  return [
    ...rows(run, LARGE, PEERS, large, least),
    row(PISCINA, large),
    ...rows(run, SMALL, [ringbuf(SMALL)], small),
  ]
}

function measure(
  run: Run,
  batch: number,
  peers: readonly Peer[],
  others: readonly (() => Promise<CaseProcess>)[] = [],
): Promise<Samples> {
  const { warmUpMs: warmUp, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const start = (name: string, parameters: Parameters, engine?: EngineKind) => () =>
    CaseProcess.start(name, { module: MODULE, parameters, engine })
  const starts = [
    ...run.engines.map((engine) => start(engine, { carrier: 'request-queue', batch }, engine)),
    ...peers.map(({ name, parameters }) => start(name, parameters)),
    ...others,
  ]
  const what = `${WHAT}, batches of ${batch}`
  return interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
}

const millions = (who: string, all: Samples): number[] =>
  figure(all, who, 'perSecond').map((one) => one / MILLION)

/** A peer's own row. */
const row = (peer: string, all: Samples): Result =>
  result({ suite: 'queue', name: WHAT, unit: 'M/s', peer, samples: millions(peer, all) })

/** @param least of the native engine */
function rows(run: Run, batch: number, peers: readonly Peer[], all: Samples, least?: Target): Result[] {
  const results: Result[] = []
  for (const engine of run.engines) {
    const isNative = engine === 'native'
    const name = `${WHAT}, batches of ${batch}`
    const own = { suite: 'queue', name, unit: 'M/s', engine, samples: millions(engine, all) }
    results.push(result({ ...own, target: isNative ? least : undefined }))
    if (isNative && run.engines.length > 1) {
      const target = { of: 'ratio', atLeast: 1 } as const
      results.push(result({ ...own, peer: FALLBACK, against: millions('fallback', all), target }))
    }
    for (const { name: peer, target } of peers)
      results.push(
        result({ ...own, peer, against: millions(peer, all), target: isNative ? target : undefined }),
      )
  }
  return [...results, ...peers.map(({ name }) => row(name, all))]
}
