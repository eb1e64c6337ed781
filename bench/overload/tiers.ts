/** Three tiers at three times the capacity, of which the top one offers 70% of it. */
import { type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import { runShape, type Shape } from './run.js'

const FULL = { ms: 60_000, warmUpMs: 10_000, seed: 1 }
const QUICK = { ms: 14_000, warmUpMs: 10_000, seed: 1 }
const LOAD = 3
const TOP = 0.7
const MIN_ANSWERED = 0.999

const SHAPE: Shape = {
  endpoints: 3,
  workers: 4,
  service: 'exponential',
  meanMs: 100,
  load: LOAD,
  deadlineMs: 1_000,
  known: true,
  noticesAborts: false,
}

export async function tiers(run: Run): Promise<Result[]> {
  const rest = (1 - TOP / LOAD) / 2
  const timing = { ...(run.quick ? QUICK : FULL), tiers: [TOP / LOAD, rest, rest] }
  run.progress('three tiers')
  const contenders = run.engines.map((engine) => ({
    name: engine,
    subject: { kind: 'fairlead' } as const,
    engine,
  }))
  const samples = await runShape(SHAPE, contenders, timing)
  return contenders.flatMap(({ name, engine }) =>
    timing.tiers.map((_, tier) =>
      result({
        suite: 'overload',
        name: `three tiers at 3x: tier ${tier} answered in time`,
        unit: '%',
        samples: [100 * (samples.get(name)?.[`tier${tier}`] ?? Number.NaN)],
        engine,
        ...(tier === 0 ? { target: { of: 'value', atLeast: 100 * MIN_ANSWERED } } : {}),
      }),
    ),
  )
}
