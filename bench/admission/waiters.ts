import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './waiters-case.js'

const MODULE = new URL('./waiters-case.js', import.meta.url)
/** `lives`: processes, each of which measures once. */
const FULL = { lives: 5, waiters: 100_000, short: 1_000, long: 32_000 }
const QUICK = { lives: 2, waiters: 10_000, short: 300, long: 9_600 }
const PROMISE_QUEUE = 'promise queue'
/** An abort in a line that is 32 times as long, of one in the short one. */
const FLAT = 2

/** Many requests that wait, over four services: their memory, and how they give up. */
export async function waiterRows(run: Run): Promise<Result[]> {
  const nameOf = (who: string, signals: boolean): string => `${who}, ${signals ? 'signals' : 'no signals'}`
  const { lives, waiters, short, long } = run.quick ? QUICK : FULL
  const start =
    (who: string, subject: Parameters['subject'], signals: boolean, engine?: EngineKind) => () => {
      const parameters: Parameters = { subject, signals, waiters, short, long }
      return CaseProcess.start(nameOf(who, signals), { module: MODULE, parameters, engine })
    }
  const starts = [false, true].flatMap((signals) => [
    ...run.engines.map((engine) => start(engine, 'fairlead', signals, engine)),
    start(PROMISE_QUEUE, 'promise-queue', signals),
  ])
  const what = `${waiters.toLocaleString('en-US')} waiting requests`
  const [shortLine, longLine] = [short, long].map((count) => `with ${count.toLocaleString('en-US')} in line`)
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
  }
  both(`${what}, each with a signal: to join`, 'ns each', 'join', true)
  both(`an abort ${shortLine}`, 'ns', 'short', true)
  both(`an abort ${longLine}`, 'ns', 'long', true)
  for (const engine of run.engines) {
    const of = (key: string): number[] => figure(samples, nameOf(engine, true), key)
    const row = { suite: 'admission', name: `an abort ${longLine}`, unit: 'ns', engine }
    const target = { of: 'ratio', atMost: FLAT } as const
    results.push(result({ ...row, samples: of('long'), peer: shortLine, against: of('short'), target }))
  }
  both(`${what}: all abort, in any order`, 'ns each', 'abortAll', true)
  return results
}
