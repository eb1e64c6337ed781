import { CaseProcess } from './harness/case-process.js'
import { figure, interleave, type Samples, withCases } from './harness/interleave.js'
import { type EngineKind, type Result, result } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import type { PlacementName } from './hashing/placements.js'

const SUITE = 'hashing'
const PEER = 'hashring'
const SIZES = [10, 100, 1_000]
/** Of these the spread is measured: at 1,000 chance alone makes 250,000 keys uneven by 6%. */
const SPREAD_OVER = 100
const FULL = { warmUpMs: [100], sliceMs: 40, rounds: 11, keys: 250_000, spreads: 5 }
const QUICK = { warmUpMs: [30], sliceMs: 10, rounds: 3, keys: 50_000, spreads: 2 }
const LONGEST_BUILD_MS = 3
const LONGEST_LOOK_UP_NS = 50

export const hashing: Suite = {
  name: SUITE,
  about:
    'hash policies and the npm package hashring: balance, extra disruption, time to build and to look up',
  async run(run) {
    run.note('hashring with its defaults: ketama, md5, 160 points a server; keys that it has not remembered.')
    const results: Result[] = await spreadRows(run)
    for (const size of SIZES) results.push(...(await buildRows(run, size)))
    for (const size of SIZES) results.push(...(await lookUpRows(run, size)))
    return results
  },
}

const of = (endpoints: number): string => `${endpoints.toLocaleString('en-US')} endpoints`
const module = (name: string): URL => new URL(`./hashing/${name}.js`, import.meta.url)

interface Contender {
  readonly name: string
  readonly placement: PlacementName
  /** None: the peer. */
  readonly engine?: EngineKind
}

/** Each placement on each engine, and the peer. */
function contenders(placements: readonly PlacementName[], engines: readonly EngineKind[]): Contender[] {
  const ours = placements.flatMap((placement) =>
    engines.map((engine) => ({ name: `${placement}, ${engine}`, placement, engine })),
  )
  return [...ours, { name: PEER, placement: 'hashring' }]
}

/** Samples of each contender. */
const measure = (
  run: Run,
  file: string,
  list: readonly Contender[],
  endpoints: number,
  rounds: Omit<Parameters<typeof interleave>[2], 'what'>,
): Promise<Samples> =>
  withCases(
    list.map(
      ({ name, placement, engine }) =>
        () =>
          CaseProcess.start(name, { module: module(file), parameters: { placement, endpoints }, engine }),
    ),
    (cases) => interleave(run, cases, { what: `${file}, ${of(endpoints)}`, ...rounds }),
  )

/** Both engines give the same places, so one of them is asked. */
async function spreadRows(run: Run): Promise<Result[]> {
  const { keys, spreads } = run.quick ? QUICK : FULL
  const list = contenders(['maglev', 'ring-hash', 'rendezvous'], run.engines.slice(0, 1))
  const samples = await measure(run, 'spread', list, SPREAD_OVER, {
    warmUp: [],
    rounds: spreads,
    input: (seed) => ({ seed, keys }),
  })
  const many = keys.toLocaleString('en-US')
  return [
    { key: 'deviation', what: `standard deviation of ${many} keys over`, unit: '% of mean' },
    { key: 'most', what: `most loaded by ${many} keys of`, unit: '% of mean' },
    { key: 'extra', what: 'keys moved beyond what must, 1 leaves', unit: '% of keys' },
  ].flatMap(({ key, what, unit }) =>
    list.map(({ name, placement, engine }) =>
      result({
        suite: SUITE,
        name: `${placement}: ${what} ${of(SPREAD_OVER)}`,
        unit,
        samples: figure(samples, name, key),
        ...(engine === undefined ? { peer: PEER } : { engine, peer: PEER }),
        // Nobody moves a key too many but Maglev: there is nothing to divide by.
        ...(engine !== undefined && key !== 'extra' ? { against: figure(samples, PEER, key) } : {}),
      }),
    ),
  )
}

async function buildRows(run: Run, endpoints: number): Promise<Result[]> {
  const target = { of: 'value', atMost: LONGEST_BUILD_MS } as const
  return timeRows(run, 'build', endpoints, 'ms', ({ placement, engine }) =>
    placement === 'maglev' && engine === 'native' ? target : undefined,
  )
}

async function lookUpRows(run: Run, endpoints: number): Promise<Result[]> {
  const target = { of: 'value', atMost: LONGEST_LOOK_UP_NS } as const
  return timeRows(run, 'look-up', endpoints, 'ns', ({ placement }) =>
    placement === 'maglev' ? target : undefined,
  )
}

async function timeRows(
  run: Run,
  what: string,
  endpoints: number,
  unit: 'ms' | 'ns',
  targetOf: (contender: Contender) => Parameters<typeof result>[0]['target'],
): Promise<Result[]> {
  const { warmUpMs, sliceMs, rounds } = run.quick ? QUICK : FULL
  const list = contenders(['maglev', 'ring-hash'], run.engines)
  const samples = await measure(run, what, list, endpoints, {
    warmUp: warmUpMs,
    rounds,
    input: () => sliceMs,
  })
  const against = figure(samples, PEER, unit)
  return list.map((contender) => {
    const { name, placement, engine } = contender
    const row = {
      suite: SUITE,
      name: `${placement}: ${what}, ${of(endpoints)}`,
      unit,
      samples: figure(samples, name, unit),
    }
    if (engine === undefined) return result({ ...row, peer: PEER })
    return result({ ...row, engine, peer: PEER, against, target: targetOf(contender) })
  })
}
