import { CaseProcess } from './harness/case-process.js'
import { figure, interleave, withCases } from './harness/interleave.js'
import { type Result, result, type Target } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import { foundRows, SOURCES } from './topology/found-rows.js'
import type { Parameters as NodesParameters } from './topology/nodes.js'

const SUITE = 'topology'
const NODES_MODULE = new URL('./topology/nodes.js', import.meta.url)
const REGIONS = 100
const THREADS = 4
const FULL = {
  nodes: [100, 10_000, 100_000],
  warmUp: [500],
  sliceMs: 3_000,
  rounds: 5,
}
const QUICK = { nodes: [100, 10_000], warmUp: [100], sliceMs: 500, rounds: 2 }
/** With ten thousand nodes or endpoints nothing is to hold an event loop for longer, ms. */
const BOUND = { of: 10_000, ms: 10 }

type Rows = readonly (readonly [key: string, name: string, unit: string, target?: Target])[]

const held = (size: number): Target | undefined =>
  size === BOUND.of ? { of: 'value', atMost: BOUND.ms } : undefined

export const topology: Suite = {
  name: SUITE,
  about:
    'a Topology of 100 to 100,000 nodes: updates and look-ups while four threads read, paths over 100 regions; lists of sources in rapid change',
  async run(run) {
    run.note(
      'held, and "running": the longest time for which a thread ran without a turn of its event loop, without the time in which the machine had other work for its cores. Linux only.',
    )
    const sizes = run.quick ? QUICK : FULL
    const results: Result[] = []
    for (const nodes of sizes.nodes)
      results.push(...(await ofNodes(run, { nodes, regions: REGIONS, threads: THREADS })))
    for (const source of SOURCES) results.push(...(await foundRows(run, source)))
    return results
  },
}

/** A topology is the same on both engines: measured on the first one. */
function ofNodes(run: Run, parameters: NodesParameters): Promise<Result[]> {
  const { nodes } = parameters
  const target = held(nodes)
  return rowsOf(
    run,
    run.engines.slice(0, 1),
    NODES_MODULE,
    parameters,
    `${nodes.toLocaleString('en-US')} nodes, ${THREADS} threads that read`,
    [
      ['update', 'an update of one node', 'µs'],
      ['arrival', 'until the last thread has heard of it', 'ms'],
      ['updatesPerSecond', 'updates a second, 1,000 asked for', '/s'],
      ['writerRunMs', 'held meanwhile, the thread that writes', 'ms', target],
      ['readerRunMs', 'held meanwhile, those that read', 'ms', target],
      ['writerBusy', 'processor of the thread that writes', 'share'],
      ['readerBusy', 'processor of each that reads', 'share'],
      ['snapshot', 'the newest snapshot', 'ns'],
      ['node', 'a node by its id', 'ns'],
      ['region', 'the nodes of a region', 'ns'],
      ['firstPath', `the first path after a change, ${REGIONS} regions`, 'ms'],
      ['path', `a path, ${REGIONS} regions`, 'ns'],
      ['heapMiB', 'heap of the thread that writes', 'MiB'],
    ],
  )
}

async function rowsOf(
  run: Run,
  engines: Run['engines'],
  module: URL,
  parameters: NodesParameters,
  what: string,
  rows: Rows,
): Promise<Result[]> {
  const { warmUp, sliceMs, rounds } = run.quick ? QUICK : FULL
  const starts = engines.map((engine) => () => CaseProcess.start(engine, { module, parameters, engine }))
  const samples = await withCases(starts, (cases) =>
    interleave(run, cases, { what, warmUp, rounds, input: () => sliceMs }),
  )
  return engines.flatMap((engine) =>
    rows.map(([key, name, unit, target]) =>
      result({
        suite: SUITE,
        engine,
        name: `${what}: ${name}`,
        unit,
        samples: figure(samples, engine, key),
        target,
      }),
    ),
  )
}
