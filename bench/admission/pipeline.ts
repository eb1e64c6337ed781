import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters as AdmittedParameters } from './admitted-threads.js'
import type { Parameters } from './pipeline-threads.js'

const PIPELINE = new URL('./pipeline-threads.js', import.meta.url)
const ADMITTED = new URL('./admitted-threads.js', import.meta.url)
const POST_MESSAGE = 'postMessage'
/** Three or four threads on two cores take their time until each has compiled what it runs. */
const FULL = { warmUpMs: [100, 200, 300, 300, 300], sliceMs: 200, lives: 5, rounds: 5 }
const QUICK = { warmUpMs: [100, 100], sliceMs: 50, lives: 1, rounds: 3 }
const MILLION = 1e6
/** Operations a second, as the system says of itself that fairlead is to replace (8.97 us each). */
const HEADLINE = 111_525
const TIMES_HEADLINE = 100
const BATCHES = [1, 64]
const THREADS = [1, 4]

/**
 * That system's headline in its own shape, a request pushed, popped by a processing loop and handed on, and beside it the rate
 * at which requests go through the admission queue.
 */
export async function pipelineRows(run: Run): Promise<Result[]> {
  return [...(await pipeline(run)), ...(await admitted(run))]
}

async function pipeline(run: Run): Promise<Result[]> {
  const { warmUpMs: warmUp, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const nameOf = (engine: EngineKind, batch: number): string => `${engine}, ${batch}`
  const start = (name: string, parameters: Parameters, engine?: EngineKind) => () =>
    CaseProcess.start(name, { module: PIPELINE, parameters, engine })
  const starts = [
    ...run.engines.flatMap((engine) =>
      BATCHES.map((batch) => start(nameOf(engine, batch), { pipe: 'tickets', batch }, engine)),
    ),
    start(POST_MESSAGE, { pipe: 'post-message', batch: 1 }),
  ]
  const what = 'pushed, popped by a loop, handed on'
  const samples = await interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
  const millions = (who: string): number[] => figure(samples, who, 'perSecond').map((one) => one / MILLION)
  const target = { of: 'value', atLeast: (TIMES_HEADLINE * HEADLINE) / MILLION } as const
  const row = { suite: 'admission', unit: 'M requests/s', peer: POST_MESSAGE }
  return [
    ...BATCHES.flatMap((batch) =>
      run.engines.map((engine) =>
        result({
          ...row,
          name: `${what}, ${batch === 1 ? 'one by one' : `${batch} at once`}`,
          engine,
          samples: millions(nameOf(engine, batch)),
          against: millions(POST_MESSAGE),
          target,
        }),
      ),
    ),
    result({ ...row, name: what, samples: millions(POST_MESSAGE) }),
  ]
}

async function admitted(run: Run): Promise<Result[]> {
  const { warmUpMs: warmUp, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const nameOf = (engine: EngineKind, threads: number): string =>
    `${engine}, ${threads === 1 ? 'one thread' : `${threads} threads`}`
  const starts = run.engines.flatMap((engine) =>
    THREADS.map((threads) => () => {
      const parameters: AdmittedParameters = { threads }
      return CaseProcess.start(nameOf(engine, threads), { module: ADMITTED, parameters, engine })
    }),
  )
  const what = 'admitted through the waiting line'
  const samples = await interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
  return run.engines.flatMap((engine) =>
    THREADS.flatMap((threads) => {
      const of = (key: string): number[] => figure(samples, nameOf(engine, threads), key)
      const name = `${what}, ${threads === 1 ? 'one thread' : `${threads} threads`}`
      const row = { suite: 'admission', name, engine }
      return [
        result({ ...row, unit: 'requests/s', samples: of('perSecond') }),
        result({ ...row, name: `${name}: of all`, unit: '%', samples: of('waited') }),
        result({
          ...row,
          name: `${name}: processor time`,
          unit: 'us',
          samples: of('cpu').map((ns) => ns / 1e3),
        }),
      ]
    }),
  )
}
