import { DEFAULT_MAX_THREADS, SEGMENT_SLOTS } from '../../dist/engine/layout.js'
import { createSegment } from '../../dist/engine/memory.js'
import { CaseProcess } from '../harness/case-process.js'
import { figure, interleave, withCases } from '../harness/interleave.js'
import { type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'

const MODULE = new URL('./bytes-case.js', import.meta.url)
const HOT_BYTES = 128
const THREAD_BYTES = 8
const HISTOGRAM_BYTES = 1_024
const SIZES = [10, 1_000, 10_000]
const ROUNDS = { full: 7, quick: 2 }

/** What an endpoint takes of shared memory, and what a whole balancer adds to the process. */
export async function byteRows(run: Run): Promise<Result[]> {
  const { cells, contributions, histograms } = createSegment(DEFAULT_MAX_THREADS)
  const row = { suite: 'counters', unit: 'bytes' }
  const atMost = (most: number) => ({ of: 'value', atMost: most }) as const
  const results = [
    result({
      ...row,
      name: 'an endpoint: state, hot and cold',
      samples: [cells.byteLength / SEGMENT_SLOTS],
      target: atMost(HOT_BYTES),
    }),
    result({
      ...row,
      name: 'an endpoint, more for each thread',
      samples: [contributions.byteLength / SEGMENT_SLOTS / DEFAULT_MAX_THREADS],
      target: atMost(THREAD_BYTES),
    }),
    result({
      ...row,
      name: 'an endpoint: latency histogram',
      samples: [histograms.byteLength / SEGMENT_SLOTS],
      target: atMost(HISTOGRAM_BYTES),
    }),
  ]
  for (const endpoints of SIZES) results.push(...(await balancerRows(run, endpoints)))
  return results
}

async function balancerRows(run: Run, endpoints: number): Promise<Result[]> {
  const starts = run.engines.map(
    (engine) => () => CaseProcess.start(engine, { module: MODULE, parameters: { endpoints }, engine }),
  )
  const what = `balancer of ${endpoints.toLocaleString('en-US')} endpoints`
  const samples = await withCases(starts, (cases) =>
    interleave(run, cases, {
      what,
      warmUp: [null],
      rounds: run.quick ? ROUNDS.quick : ROUNDS.full,
      input: () => null,
    }),
  )
  return run.engines.map((engine) =>
    result({
      suite: 'counters',
      name: `${what}: resident, shared memory and objects`,
      engine,
      unit: 'bytes/endpoint',
      samples: figure(samples, engine, 'bytes').map((bytes) => bytes / endpoints),
    }),
  )
}
