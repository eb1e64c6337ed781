/** Goodput of every shape: workers, service times, load, and whether the deadline can be read. */
import { availableParallelism } from 'node:os'
import { type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import { haproxyVersion } from './haproxy.js'
import { type Contender, runShape, type Shape } from './run.js'

const FULL = { ms: 60_000, warmUpMs: 10_000, seed: 1 }
const QUICK = { ms: 14_000, warmUpMs: 10_000, seed: 1 }
const ENDPOINTS = 3
const MEAN_MS = 100
const DEADLINE_MS = 1_000
/** Of `perEndpoint.maxRequests` and HAProxy's `maxconn`, as multiples of the workers. */
const GIVEN = 2
const MIN_GOODPUT_GIVEN = 0.95
const MIN_GOODPUT = 0.9
const MAX_RECOVERY_MS = 2_000
/** Requests a second, and contenders, that run side by side: above it the processors would be what is measured. */
const MOST_PER_SECOND = 960 * availableParallelism()
const MOST_AT_ONCE = 5
/** Above this, as a share, they are. */
const MOST_BUSY = 0.9

export const SHAPES: readonly Shape[] = [1, 4, 16].flatMap((workers) =>
  (['fixed', 'exponential'] as const).flatMap((service) =>
    [2, 4].flatMap((load) =>
      [true, false].map((known) => ({
        ...{ endpoints: ENDPOINTS, workers, service, load, known },
        ...{ meanMs: MEAN_MS, deadlineMs: DEADLINE_MS, noticesAborts: false },
      })),
    ),
  ),
)

const nameOf = ({ workers, service, load, known }: Shape): string =>
  `${workers} worker${workers > 1 ? 's' : ''}, ${service}, ${load}x, ${known ? 'deadline known' : 'AbortSignal'}`

export async function shapes(run: Run): Promise<Result[]> {
  const version = haproxyVersion()
  run.note(
    `overload: ${ENDPOINTS} endpoints, service of ${MEAN_MS} ms, callers wait ${DEADLINE_MS} ms, endpoints notice no aborts; ${version === undefined ? 'no HAProxy here' : `HAProxy ${version}`}`,
  )
  const chosen = run.quick ? SHAPES.filter(({ workers, load }) => workers === 4 && load === 2) : SHAPES
  const results: Result[] = []
  for (const [i, shape] of chosen.entries()) {
    run.progress(`${nameOf(shape)} (${i + 1} of ${chosen.length})`)
    results.push(...(await measure(run, shape, version !== undefined)))
  }
  return results
}

async function measure(run: Run, shape: Shape, hasHaproxy: boolean): Promise<Result[]> {
  const given = GIVEN * shape.workers
  const contenders: Contender[] = [
    ...run.engines.flatMap((engine): Contender[] => [
      { name: `defaults, ${engine}`, subject: { kind: 'fairlead' }, engine },
      { name: `maxRequests given, ${engine}`, subject: { kind: 'fairlead', given }, engine },
    ]),
    // They know no deadlines: one row of each is enough.
    ...(shape.known ? [] : rivals(given, hasHaproxy)),
  ]
  const offered = (shape.load * ENDPOINTS * shape.workers * 1e3) / MEAN_MS
  const atOnce = Math.min(MOST_AT_ONCE, Math.max(1, Math.floor(MOST_PER_SECOND / offered)))
  const results: Result[] = []
  for (let i = 0; i < contenders.length; i += atOnce) {
    const some = contenders.slice(i, i + atOnce)
    const samples = await runShape(shape, some, run.quick ? QUICK : FULL)
    for (const one of some) results.push(...rows(shape, one, samples.get(one.name) ?? {}))
    const busy = Math.max(...Array.from(samples.values(), (sample) => sample['busy']))
    if (busy > MOST_BUSY)
      run.note(
        `${nameOf(shape)}, ${some.map(({ name }) => name).join(', ')}: the processors were ${Math.round(100 * busy)}% busy, and may be what was measured`,
      )
  }
  return results
}

const rivals = (given: number, hasHaproxy: boolean): Contender[] => [
  { name: 'undici BalancedPool', subject: { kind: 'balanced-pool' } },
  { name: 'undici Agent', subject: { kind: 'agent' } },
  ...(hasHaproxy
    ? [{ name: 'HAProxy', subject: { kind: 'haproxy', maxconn: given, queueMs: DEADLINE_MS / 2 } } as const]
    : []),
]

function rows(shape: Shape, { name, subject, engine }: Contender, sample: Record<string, number>): Result[] {
  const isOwn = subject.kind === 'fairlead'
  const what = `${nameOf(shape)}${isOwn ? `, ${name.split(',')[0]}` : ''}`
  const row = (key: string, label: string, unit: string, scale = 1) => ({
    suite: 'overload',
    name: `${what}: ${label}`,
    unit,
    samples: [sample[key] * scale],
    ...(engine === undefined ? { peer: name } : { engine }),
  })
  const least = isOwn && subject.given !== undefined ? MIN_GOODPUT_GIVEN : MIN_GOODPUT
  return [
    result({
      ...row('goodput', 'goodput', '%', 100),
      ...(isOwn ? { target: { of: 'value', atLeast: 100 * least } } : {}),
    }),
    result({
      ...row('p99', 'p99', 'ms'),
      ...(isOwn ? { target: { of: 'value', atMost: shape.deadlineMs } } : {}),
    }),
    result({
      ...row('recoveryMs', 'recovery', 'ms'),
      ...(isOwn ? { target: { of: 'value', atMost: MAX_RECOVERY_MS } } : {}),
    }),
    result(row('busy', 'processors busy', '%', 100)),
    ...(isOwn
      ? [result(row('rssMiB', 'memory grown', 'MiB')), result(row('descriptors', 'descriptors grown', ''))]
      : []),
  ]
}
