import type { PolicyName } from 'fairlead'
import { CaseProcess } from './harness/case-process.js'
import { figure, interleave, withCases } from './harness/interleave.js'
import { type EngineKind, type Result, result } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import type { Parameters } from './scale/changes.js'
import type { Parameters as Size } from './scale/sizes.js'

const SUITE = 'scale'
const MODULE = new URL('./scale/changes.js', import.meta.url)
const SIZES_MODULE = new URL('./scale/sizes.js', import.meta.url)
const SIZES: readonly Size[] = [
  { services: 10_000, endpoints: 1 },
  { services: 1, endpoints: 100_000 },
  { services: 500, endpoints: 200 },
]
/** Of SIZES, ms. */
const MOST_MS = { new: 3_000, stats: 1_000 }
/** One of the addon's own, one that counts weights, one with a big table. */
const POLICIES: readonly PolicyName[] = ['peak-ewma', 'weighted-round-robin', 'maglev']
const CHANGES = [
  ['add', 'an endpoint added'],
  ['remove', 'an endpoint removed'],
  ['weight', 'a weight changed'],
  ['drain', 'an endpoint drained'],
] as const
const FULL = { sizes: [10, 100, 1_000, 10_000, 100_000], warmUp: [150], sliceMs: 40, rounds: 7 }
const QUICK = { sizes: [10, 1_000, 10_000], warmUp: [10], sliceMs: 10, rounds: 3 }
/** A change of one among so many endpoints is to hold the event loop for no longer than this. */
const BOUND = { endpoints: 10_000, ms: 1 }
/** Below this many endpoints what a process does anyway is more than what they take. */
const LEAST_FOR_BYTES = 1_000

export const scale: Suite = {
  name: SUITE,
  about:
    'from 10 to 100,000 endpoints: a pick, a change of one endpoint with the pick that sees it, bytes; 10,000 services and 100,000 endpoints as a whole',
  async run(run) {
    run.note('changes: time on the event loop of the change and of the next pick, which makes the view anew.')
    const results: Result[] = []
    for (const policy of POLICIES)
      for (const endpoints of (run.quick ? QUICK : FULL).sizes)
        results.push(...(await atSize(run, { policy, endpoints })))
    for (const size of SIZES) results.push(...(await wholeOf(run, size)))
    return results
  },
}

async function atSize(run: Run, parameters: Parameters): Promise<Result[]> {
  const { warmUp, sliceMs, rounds } = run.quick ? QUICK : FULL
  const { policy, endpoints } = parameters
  const what = `${policy}, ${endpoints.toLocaleString('en-US')} endpoints`
  const bytes = new Map<EngineKind, CaseProcess['ready']>()
  const starts = run.engines.map((engine) => async () => {
    const one = await CaseProcess.start(engine, { module: MODULE, parameters, engine })
    bytes.set(engine, one.ready)
    return one
  })
  const samples = await withCases(starts, (cases) =>
    interleave(run, cases, { what, warmUp, rounds, input: () => sliceMs }),
  )
  return run.engines.flatMap((engine) => {
    const row = { suite: SUITE, engine }
    const { resident, heap } = bytes.get(engine) ?? {}
    return [
      result({ ...row, name: `${what}: pick + end`, unit: 'ns', samples: figure(samples, engine, 'ns') }),
      ...CHANGES.map(([key, name]) =>
        result({
          ...row,
          name: `${what}: ${name}`,
          unit: 'ms',
          samples: figure(samples, engine, key),
          target: endpoints === BOUND.endpoints ? { of: 'value', atMost: BOUND.ms } : undefined,
        }),
      ),
      ...(endpoints < LEAST_FOR_BYTES
        ? []
        : [
            result({
              ...row,
              name: `${what}: memory, resident`,
              unit: 'bytes an endpoint',
              samples: [resident],
            }),
            result({
              ...row,
              name: `${what}: memory, of it heap`,
              unit: 'bytes an endpoint',
              samples: [heap],
            }),
          ]),
    ]
  })
}

/** A balancer made, and its statistics. */
async function wholeOf(run: Run, parameters: Size): Promise<Result[]> {
  const { rounds } = run.quick ? QUICK : FULL
  const count = (n: number) => n.toLocaleString('en-US')
  const { services, endpoints } = parameters
  const what = `${count(services)} services, ${count(services * endpoints)} endpoints in all`
  const starts = run.engines.map(
    (engine) => () => CaseProcess.start(engine, { module: SIZES_MODULE, parameters, engine }),
  )
  const samples = await withCases(starts, (cases) =>
    interleave(run, cases, { what, warmUp: [0], rounds, input: () => 0 }),
  )
  return run.engines.flatMap((engine) =>
    (['new', 'stats'] as const).map((key) =>
      result({
        suite: SUITE,
        engine,
        name: `${what}: ${key === 'new' ? 'new Balancer' : 'stats()'}`,
        unit: 'ms',
        samples: figure(samples, engine, key),
        target: { of: 'value', atMost: MOST_MS[key] },
      }),
    ),
  )
}
