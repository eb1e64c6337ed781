import { CaseProcess } from '../harness/case-process.js'
import { figure, interleave, withCases } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './views-case.js'

const MODULE = new URL('./views-case.js', import.meta.url)
const FULL = { sizes: [64, 1_024, 16_384], warmUpMs: [40], sliceMs: 20, rounds: 15 }
const QUICK = { sizes: [1_024], warmUpMs: [20], sliceMs: 10, rounds: 3 }

/** What it costs to pop a request in place, against a copy of it. */
export async function viewsRows(run: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const bytes of (run.quick ? QUICK : FULL).sizes) results.push(...(await ofSize(run, bytes)))
  return results
}

async function ofSize(run: Run, bytes: number): Promise<Result[]> {
  const { warmUpMs, sliceMs, rounds } = run.quick ? QUICK : FULL
  const nameOf = (inPlace: boolean, engine: EngineKind): string =>
    `${inPlace ? 'in place' : 'copied'}, ${engine}`
  const start = (inPlace: boolean, engine: EngineKind) => () => {
    const parameters: Parameters = { bytes, inPlace }
    return CaseProcess.start(nameOf(inPlace, engine), { module: MODULE, parameters, engine })
  }
  const what = `pop of requests of ${bytes.toLocaleString('en-US')} bytes, 4 to a block`
  const samples = await withCases(
    run.engines.flatMap((engine) => [start(true, engine), start(false, engine)]),
    (cases) => interleave(run, cases, { what, warmUp: warmUpMs, rounds, input: () => sliceMs }),
  )
  const ns = (inPlace: boolean, engine: EngineKind): number[] =>
    figure(samples, nameOf(inPlace, engine), 'ns')
  const row = { suite: 'queue', unit: 'ns/request' }
  return run.engines.flatMap((engine) => [
    result({
      ...row,
      name: `${what}, in place`,
      engine,
      samples: ns(true, engine),
      peer: 'copied',
      against: ns(false, engine),
    }),
    result({ ...row, name: `${what}, copied`, engine, samples: ns(false, engine) }),
  ])
}
