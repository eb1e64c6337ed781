import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh } from '../harness/interleave.js'
import { type EngineKind, type Result, result, type Target } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters, Way } from './acquire-case.js'

const MODULE = new URL('./acquire-case.js', import.meta.url)
const FULL = { warmUpMs: [100, 100], sliceMs: 40, lives: 7, rounds: 7 }
const QUICK = { warmUpMs: [60], sliceMs: 10, lives: 1, rounds: 5 }
const PICK = 'pick + end'

/** Of the time of `pick` and `end`. */
const WAYS: readonly { way: Way; name: string; target?: Target }[] = [
  { way: 'pick', name: PICK },
  {
    way: 'together',
    name: 'acquire + end, the synchronous part',
    target: { of: 'ratio', atMost: 1.3 },
  },
  { way: 'awaited', name: 'await acquire + end', target: { of: 'ratio', atMost: 1.7 } },
]

/** What it costs to ask for a place by `acquire` where one is free: nobody waits, and no line is touched. */
export async function acquireRows(run: Run): Promise<Result[]> {
  const { warmUpMs: warmUp, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const nameOf = (name: string, engine: EngineKind): string => `${name}, ${engine}`
  const starts = run.engines.flatMap((engine) =>
    WAYS.map(({ way, name }) => () => {
      const parameters: Parameters = { way }
      return CaseProcess.start(nameOf(name, engine), { module: MODULE, parameters, engine })
    }),
  )
  const what = 'acquire where a place is free'
  const samples = await interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
  return run.engines.flatMap((engine) => {
    const ns = (name: string): number[] => figure(samples, nameOf(name, engine), 'ns')
    return WAYS.map(({ way, name, target }) => {
      const row = { suite: 'admission', name, unit: 'ns', engine, samples: ns(name) }
      return result(way === 'pick' ? row : { ...row, peer: PICK, against: ns(PICK), target })
    })
  })
}
