import { CaseProcess } from '../harness/case-process.js'
import { figure, interleave, withCases } from '../harness/interleave.js'
import { type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './memory-case.js'

const MODULE = new URL('./memory-case.js', import.meta.url)
const ITEM_BYTES = 4
/** Memory over what the items themselves take. */
const MOST = 1.05
const CAPACITIES = [1_024, 65_536, 1_048_576, 4_194_304]
const ROUNDS = { full: 7, quick: 2 }

/** Memory of queues that are idle: address space, and what of it is really there before and after it was full once. */
export async function memoryRows(run: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const capacity of CAPACITIES) results.push(...(await ofCapacity(run, capacity)))
  return results
}

async function ofCapacity(run: Run, capacity: number): Promise<Result[]> {
  const parameters: Parameters = { capacity }
  const starts = run.engines.map(
    (engine) => () => CaseProcess.start(engine, { module: MODULE, parameters, engine }),
  )
  const what = `tickets, capacity ${capacity.toLocaleString('en-US')}`
  const rounds = run.quick ? ROUNDS.quick : ROUNDS.full
  const samples = await withCases(starts, (cases) =>
    interleave(run, cases, { what, warmUp: [null], rounds, input: () => null }),
  )
  const kinds = [
    ['address space', 'reserved'],
    ['idle, resident', 'fresh'],
    ['idle after it was full once, resident', 'used'],
  ] as const
  return run.engines.flatMap((engine) =>
    kinds.map(([name, key]) =>
      result({
        suite: 'queue',
        name: `memory, ${what}: ${name}`,
        engine,
        unit: 'of its items',
        samples: figure(samples, engine, key).map((bytes) => bytes / (capacity * ITEM_BYTES)),
        target: key === 'reserved' ? undefined : { of: 'value', atMost: MOST },
      }),
    ),
  )
}
