import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh, type Samples } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters as WakeParameters, Wakes } from '../wake/wake-case.js'
import type { Parameters } from './hand-over-case.js'

const BETWEEN = new URL('../wake/wake-case.js', import.meta.url)
const WITHIN = new URL('./hand-over-case.js', import.meta.url)
const POST_MESSAGE = 'postMessage'
const PROMISE_QUEUE = 'promise queue'
const FULL = { compile: 3_000, count: 150, within: 5_000, lives: 5, rounds: 5 }
const QUICK = { compile: 200, count: 30, within: 500, lives: 1, rounds: 3 }

/** From `end()` to the first line of code of the request that has waited: between two threads, and within one. */
export async function handOverRows(run: Run): Promise<Result[]> {
  return [...(await between(run, true)), ...(await between(run, false)), ...(await within(run))]
}

/** @param isIdle the thread that waits is given the time to fall asleep; else it is woken as soon as it waits */
async function between(run: Run, isIdle: boolean): Promise<Result[]> {
  const { compile, count, lives, rounds } = run.quick ? QUICK : FULL
  const start = (name: string, parameters: WakeParameters, engine?: EngineKind) => () =>
    CaseProcess.start(name, { module: BETWEEN, parameters, engine })
  const wakes = (count: number, idle: boolean): Wakes => ({ count, idle })
  const what = `hand-over between threads, ${isIdle ? 'the one that waits asleep' : 'at once'}`
  const samples = await interleaveAfresh(
    run,
    [
      ...run.engines.map((engine) => start(engine, { way: 'place' }, engine)),
      start(POST_MESSAGE, { way: 'message' }),
    ],
    {
      what,
      lives,
      rounds,
      warmUp: [wakes(compile, false), wakes(count, isIdle)],
      input: () => wakes(count, isIdle),
    },
  )
  return rows(run, what, samples, POST_MESSAGE)
}

async function within(run: Run): Promise<Result[]> {
  const { within: count, lives, rounds } = run.quick ? QUICK : FULL
  const start = (name: string, parameters: Parameters, engine?: EngineKind) => () =>
    CaseProcess.start(name, { module: WITHIN, parameters, engine })
  const what = 'hand-over within one thread'
  const samples = await interleaveAfresh(
    run,
    [
      ...run.engines.map((engine) => start(engine, { subject: 'fairlead' }, engine)),
      start(PROMISE_QUEUE, { subject: 'promise-queue' }),
    ],
    { what, lives, rounds, warmUp: [count, count], input: () => count },
  )
  return rows(run, what, samples, PROMISE_QUEUE)
}

function rows(run: Run, what: string, all: Samples, peer: string): Result[] {
  return (['p50', 'p99'] as const).flatMap((key) => {
    const row = { suite: 'admission', name: `${what}, ${key}`, unit: 'us', peer }
    const against = figure(all, peer, key)
    return [
      ...run.engines.map((engine) => result({ ...row, engine, samples: figure(all, engine, key), against })),
      result({ ...row, samples: against }),
    ]
  })
}
