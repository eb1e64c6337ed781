import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './waiters-case.js'

const MODULE = new URL('./waiters-case.js', import.meta.url)
/** Processes, each of which measures once. */
const LIVES = { full: 7, quick: 2 }
const PROMISE_QUEUE = 'promise queue'
const SHORT = 'with 1,000 in line'
/** An abort in a line that is 32 times as long, of one in the short one. */
const FLAT = 2

/** 100,000 requests that wait, over four services: their memory, and how they give up. */
export async function waiterRows(run: Run): Promise<Result[]> {
  const nameOf = (who: string, signals: boolean): string => `${who}, ${signals ? 'signals' : 'no signals'}`
  const start = (who: string, parameters: Parameters, engine?: EngineKind) => () =>
    CaseProcess.start(nameOf(who, parameters.signals), { module: MODULE, parameters, engine })
  const starts = [false, true].flatMap((signals) => [
    ...run.engines.map((engine) => start(engine, { subject: 'fairlead', signals }, engine)),
    start(PROMISE_QUEUE, { subject: 'promise-queue', signals }),
  ])
  const lives = run.quick ? LIVES.quick : LIVES.full
  const what = '100,000 waiting requests'
  const samples = await interleaveAfresh(run, starts, {
    what,
    lives,
    warmUp: [],
    rounds: 1,
    input: () => null,
  })

  const results: Result[] = []
  const both = (name: string, unit: string, key: string, signals: boolean): void => {
    const of = (who: string): number[] => figure(samples, nameOf(who, signals), key)
    const row = { suite: 'admission', name, unit, peer: PROMISE_QUEUE }
    for (const engine of run.engines)
      results.push(result({ ...row, engine, samples: of(engine), against: of(PROMISE_QUEUE) }))
    results.push(result({ ...row, samples: of(PROMISE_QUEUE) }))
  }
  for (const signals of [false, true]) {
    const kind = signals ? ', each with a signal' : ''
    both(`${what}${kind}: objects`, 'bytes each', 'heap', signals)
    both(`${what}${kind}: resident`, 'bytes each', 'resident', signals)
    both(`${what}${kind}: to join`, 'ns', 'join', signals)
  }
  both(`an abort ${SHORT}`, 'ns', 'short', true)
  both('an abort with 32,000 in line', 'ns', 'long', true)
  for (const engine of run.engines) {
    const of = (key: string): number[] => figure(samples, nameOf(engine, true), key)
    const row = { suite: 'admission', name: 'an abort with 32,000 in line', unit: 'ns', engine }
    const target = { of: 'ratio', atMost: FLAT } as const
    results.push(result({ ...row, samples: of('long'), peer: SHORT, against: of('short'), target }))
  }
  both(`${what}: all abort, in any order`, 'ns each', 'abortAll', true)
  return results
}
