import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh } from '../harness/interleave.js'
import { type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './memory-case.js'

const MODULE = new URL('./memory-case.js', import.meta.url)
const TICKET_BYTES = 4
/** Memory over what the items themselves take. */
const MOST = 1.05
const TICKETS = [1_024, 65_536, 1_048_576, 4_194_304]
/** Capacity and bytes of a slot. */
const REQUESTS = [
  [4_096, 64],
  [65_536, 64],
  [65_536, 256],
] as const
/** Processes, each of which measures once. */
const LIVES = { full: 7, quick: 2 }

/** Memory of queues that are idle: address space, and what of it is really there before and after it was full once. */
export async function memoryRows(run: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const capacity of TICKETS) {
    const what = `tickets, capacity ${capacity.toLocaleString('en-US')}`
    results.push(...(await ofQueue(run, what, { capacity, slotBytes: 0 })))
  }
  for (const [capacity, slotBytes] of REQUESTS) {
    const what = `requests of ${slotBytes} bytes, capacity ${capacity.toLocaleString('en-US')}`
    results.push(...(await ofQueue(run, what, { capacity, slotBytes })))
  }
  return results
}

async function ofQueue(run: Run, what: string, parameters: Parameters): Promise<Result[]> {
  const starts = run.engines.map(
    (engine) => () => CaseProcess.start(engine, { module: MODULE, parameters, engine }),
  )
  const itemBytes = parameters.capacity * (parameters.slotBytes || TICKET_BYTES)
  const samples = await interleaveAfresh(run, starts, {
    what,
    lives: run.quick ? LIVES.quick : LIVES.full,
    warmUp: [],
    rounds: 1,
    input: () => null,
  })
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
        samples: figure(samples, engine, key).map((bytes) => bytes / itemBytes),
        target: key === 'reserved' ? undefined : { of: 'value', atMost: MOST },
      }),
    ),
  )
}
