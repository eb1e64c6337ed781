import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh, type Samples } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters, Shape } from './alone-case.js'

const MODULE = new URL('./alone-case.js', import.meta.url)
const FULL = { warmUpMs: [80, 80], sliceMs: 30, lives: 5, rounds: 7 }
const QUICK = { warmUpMs: [40], sliceMs: 10, lives: 1, rounds: 5 }
const FASTQ = 'fastq'
const ARRAY = 'plain array'
/** Of fastq's time. */
const SINGLE_TIMES = 2
const BATCH_NS = 5

const SHAPES: readonly { shape: Shape; name: string }[] = [
  { shape: 'single', name: 'push one, pop one' },
  { shape: 'burst', name: 'push 64 one by one, pop them at once' },
  { shape: 'batch', name: 'push 64 at once, pop them at once' },
  { shape: 'large', name: 'push 1,024 at once, pop them at once' },
]

/** Push and pop within one thread: what a queue costs where none would be needed. */
export async function aloneRows(run: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const { shape, name } of SHAPES)
    results.push(...rows(run.engines, shape, name, await measure(run, shape, name)))
  return results
}

function measure(run: Run, shape: Shape, name: string): Promise<Samples> {
  const { warmUpMs, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const start = (who: string, parameters: Parameters, engine?: EngineKind) => () =>
    CaseProcess.start(who, { module: MODULE, parameters, engine })
  const starts = [
    ...run.engines.map((engine) => start(engine, { subject: 'fairlead', shape }, engine)),
    start(FASTQ, { subject: 'fastq', shape }),
    start(ARRAY, { subject: 'array', shape }),
  ]
  const what = `one thread, ${name}`
  const warmUp = warmUpMs
  return interleaveAfresh(run, starts, { what, lives, warmUp, rounds, input: () => sliceMs })
}

function rows(engines: readonly EngineKind[], shape: Shape, name: string, all: Samples): Result[] {
  const ns = (who: string): number[] => figure(all, who, 'ns')
  const row = { suite: 'queue', name: `one thread, ${name}`, unit: 'ns/item' }
  const results: Result[] = []
  for (const engine of engines) {
    const own = { ...row, engine, samples: ns(engine) }
    const single = shape === 'single' ? ({ of: 'ratio', atMost: SINGLE_TIMES } as const) : undefined
    const batch =
      shape === 'batch' || shape === 'large' ? ({ of: 'value', atMost: BATCH_NS } as const) : undefined
    results.push(result({ ...own, peer: FASTQ, against: ns(FASTQ), target: single ?? batch }))
    results.push(result({ ...own, peer: ARRAY, against: ns(ARRAY) }))
  }
  for (const peer of [FASTQ, ARRAY]) results.push(result({ ...row, peer, samples: ns(peer) }))
  return results
}
