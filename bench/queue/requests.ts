import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh } from '../harness/interleave.js'
import { type EngineKind, type Result, result, type Target } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './requests-threads.js'

const MODULE = new URL('./requests-threads.js', import.meta.url)
const FULL = { warmUpMs: [60, 120], sliceMs: 100, lives: 5, rounds: 5 }
const QUICK = { warmUpMs: [40], sliceMs: 30, lives: 1, rounds: 3 }
const POST_MESSAGE = 'postMessage'
const BATCH = 64
const MILLION = 1e6
const MIN_PER_SECOND = 10e6
const TIMES_POST_MESSAGE = 10

const PEERS: readonly { name: string; parameters: Parameters }[] = [
  { name: POST_MESSAGE, parameters: { carrier: 'post-message', batch: 1 } },
  { name: `postMessage, ${BATCH} in a message`, parameters: { carrier: 'post-message', batch: BATCH } },
  { name: `ringbuf.js, ${BATCH} at once`, parameters: { carrier: 'ringbuf', batch: BATCH } },
]
const PISCINA = 'piscina, one thread, each answered'

/** Requests of 64 bytes from one thread to another. */
export async function requestRows(run: Run): Promise<Result[]> {
  run.note('@nxtedition/shared is no row: the npm registry has no such package.')
  const { warmUpMs, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const start = (name: string, parameters: Parameters, engine?: EngineKind) => () =>
    CaseProcess.start(name, { module: MODULE, parameters, engine })
  const starts = [
    ...run.engines.map((engine) => start(engine, { carrier: 'request-queue', batch: BATCH }, engine)),
    ...PEERS.map(({ name, parameters }) => start(name, parameters)),
    () =>
      CaseProcess.start(PISCINA, {
        module: new URL('./piscina-case.js', import.meta.url),
        parameters: null,
      }),
  ]
  const what = 'requests of 64 bytes between two threads'
  const warmUp = warmUpMs
  const samples = await interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
  const millions = (who: string): number[] => figure(samples, who, 'perSecond').map((one) => one / MILLION)
  const row = { suite: 'queue', name: what, unit: 'M/s' }
  const results: Result[] = []
  for (const engine of run.engines) {
    const own = { ...row, name: `${what}, batches of ${BATCH}`, engine, samples: millions(engine) }
    const native = (target: Target): Target | undefined => (engine === 'native' ? target : undefined)
    results.push(result({ ...own, target: native({ of: 'value', atLeast: MIN_PER_SECOND / MILLION }) }))
    if (engine === 'native' && run.engines.length > 1) {
      const target = { of: 'ratio', atLeast: 1 } as const
      results.push(result({ ...own, peer: 'fairlead fallback', against: millions('fallback'), target }))
    }
    const target = native({ of: 'ratio', atLeast: TIMES_POST_MESSAGE })
    for (const { name } of PEERS) {
      const against = millions(name)
      results.push(
        result({ ...own, peer: name, against, target: name === POST_MESSAGE ? target : undefined }),
      )
    }
  }
  for (const name of [...PEERS.map((peer) => peer.name), PISCINA])
    results.push(result({ ...row, peer: name, samples: millions(name) }))
  return results
}
