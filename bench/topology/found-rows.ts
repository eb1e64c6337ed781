import { CaseProcess } from '../harness/case-process.js'
import { figure, interleave, withCases } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './found.js'
import type { WriterKind } from './writers.js'

const SUITE = 'topology'
const MODULE = new URL('./found.js', import.meta.url)
export const SOURCES: readonly WriterKind[] = ['own', 'file', 'http']
const FULL = { endpoints: 10_000, threads: 4, warmUp: [5_000], sliceMs: 5_000, rounds: 5 }
const QUICK = { endpoints: 10_000, threads: 2, warmUp: [1_000], sliceMs: 1_000, rounds: 3 }
const UPDATES_PER_SECOND = 1_000
const CHANGES = 5
/** No event loop is to be held for longer, in ms. */
const MOST_MS = 10

/** What is said of a source, and of it what has a bound. */
const ROWS = [
  { key: 'leaderRunMs', name: 'leader: longest hold, of it running', unit: 'ms', atMost: MOST_MS },
  { key: 'threadRunMs', name: 'attached threads: longest hold, of it running', unit: 'ms', atMost: MOST_MS },
  { key: 'leaderHoldMs', name: 'leader: longest hold', unit: 'ms' },
  { key: 'threadHoldMs', name: 'attached threads: longest hold', unit: 'ms' },
  { key: 'leaderOver10', name: 'leader: turns above 10 ms, running', unit: 'turns' },
  { key: 'threadOver10', name: 'attached threads: turns above 10 ms, running', unit: 'turns' },
  { key: 'updates', name: 'updates', unit: '1/s' },
  { key: 'published', name: 'lists put in force', unit: '1/s' },
  { key: 'heapMiB', name: 'heap of the leader', unit: 'MiB' },
] as const

/** A source that changes some of ten thousand endpoints a thousand times a second. */
export async function foundRows(run: Run, source: WriterKind): Promise<Result[]> {
  const { endpoints, threads, warmUp, sliceMs, rounds } = run.quick ? QUICK : FULL
  const parameters: Parameters = {
    source,
    endpoints,
    threads,
    updatesPerSecond: UPDATES_PER_SECOND,
    changes: CHANGES,
  }
  const what = `${source} source, ${endpoints.toLocaleString('en-US')} endpoints`
  const first = new Map<EngineKind, number>()
  const starts = run.engines.map((engine) => async () => {
    const one = await CaseProcess.start(engine, { module: MODULE, parameters, engine })
    first.set(engine, one.ready.firstRunMs)
    return one
  })
  const samples = await withCases(starts, (cases) =>
    interleave(run, cases, { what, warmUp, rounds, input: () => sliceMs }),
  )
  return run.engines.flatMap((engine) => [
    ...ROWS.map(({ key, name, unit, ...bound }) =>
      result({
        suite: SUITE,
        engine,
        name: `${what}: ${name}`,
        unit,
        samples: figure(samples, engine, key),
        target: 'atMost' in bound ? { of: 'value', atMost: bound.atMost } : undefined,
      }),
    ),
    result({
      suite: SUITE,
      engine,
      name: `${what}: leader, first answer: longest hold, of it running`,
      unit: 'ms',
      samples: [first.get(engine) ?? Number.NaN],
    }),
  ])
}
