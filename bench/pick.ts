import type { PolicyName } from 'fairlead'
import { CaseProcess } from './harness/case-process.js'
import { figure, interleave, type Samples, withCases } from './harness/interleave.js'
import { type EngineKind, type Result, result } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import { againstCore } from './pick/against-core.js'

const SUITE = 'pick'
const POLICIES: readonly PolicyName[] = [
  'peak-ewma',
  'least-request',
  'least-response-time',
  'round-robin',
  'weighted-round-robin',
  'random',
  'weighted-random',
  'ip-hash',
  'ring-hash',
  'maglev',
  'rendezvous',
  'geographic',
  'resource-based',
  'adaptive',
  'prequal',
  'join-idle-queue',
]
const BALANCED_POOL = 'undici BalancedPool'
const GRPC = 'grpc-js round_robin'
const NOTHING = 'empty loop'
/** Where both engines run the same code, noise alone makes one of them the slower one. */
const NOT_SLOWER = 1.05

const FULL = { sizes: [10, 100, 1_000, 10_000], warmUpMs: [150, 150], sliceMs: 40, rounds: 15 }
const QUICK = { sizes: [10, 1_000], warmUpMs: [80], sliceMs: 10, rounds: 5 }

export const pick: Suite = {
  name: SUITE,
  about: 'ns of one pick + end, latency recorded, by policy, endpoints and engine',
  async run(run) {
    run.note(
      'fairlead: pick + end with status and latency, 16 requests in flight. Peers: their pick alone; they record nothing.',
    )
    const results: Result[] = await againstCore(run)
    for (const endpoints of (run.quick ? QUICK : FULL).sizes) results.push(...(await atSize(run, endpoints)))
    return results
  },
}

const caseName = (policy: PolicyName, engine: EngineKind): string => `${policy}, ${engine}`
const module = (name: string): URL => new URL(`./pick/${name}.js`, import.meta.url)

async function atSize(run: Run, endpoints: number): Promise<Result[]> {
  const { warmUpMs, sliceMs, rounds } = run.quick ? QUICK : FULL
  const peers = [
    [BALANCED_POOL, 'balanced-pool'],
    [GRPC, 'grpc'],
    [NOTHING, 'nothing'],
  ] as const
  const starts = [
    ...peers.map(
      ([name, file]) =>
        () =>
          CaseProcess.start(name, { module: module(file), parameters: { endpoints } }),
    ),
    ...POLICIES.flatMap((policy) =>
      run.engines.map(
        (engine) => () =>
          CaseProcess.start(caseName(policy, engine), {
            module: module('fairlead'),
            parameters: { policy, endpoints },
            engine,
          }),
      ),
    ),
  ]
  run.progress(`${endpoints} endpoints: starting ${starts.length} processes`)
  const samples = await withCases(starts, (cases) =>
    interleave(run, cases, {
      what: `${endpoints} endpoints`,
      warmUp: warmUpMs,
      rounds,
      input: () => sliceMs,
    }),
  )
  return rows(run.engines, endpoints, samples)
}

function rows(engines: readonly EngineKind[], endpoints: number, samples: Samples): Result[] {
  const ns = (name: string): number[] => figure(samples, name, 'ns')
  const size = `${endpoints.toLocaleString('en-US')} endpoints`
  const row = { suite: SUITE, unit: 'ns' }
  const results = [BALANCED_POOL, GRPC, NOTHING].map((peer) =>
    result({ ...row, name: `pick, ${size}`, samples: ns(peer), peer }),
  )
  for (const policy of POLICIES) {
    const name = `${policy}, ${size}`
    for (const engine of engines) {
      const own = ns(caseName(policy, engine))
      results.push(
        result({ ...row, name, samples: own, engine, peer: BALANCED_POOL, against: ns(BALANCED_POOL) }),
      )
      if (policy === 'round-robin')
        results.push(result({ ...row, name, samples: own, engine, peer: GRPC, against: ns(GRPC) }))
    }
    if (engines.length > 1) {
      const [samples, against] = [ns(caseName(policy, 'native')), ns(caseName(policy, 'fallback'))]
      results.push(
        result({
          ...row,
          name,
          samples,
          engine: 'native',
          peer: 'fairlead fallback',
          against,
          target: { of: 'ratio', atMost: NOT_SLOWER },
        }),
      )
    }
  }
  return results
}
