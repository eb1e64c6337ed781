/** Loads that a limiter must leave alone, and changes that it must follow: one line each. `node scripts/overload-table.mjs --specials`. */
import { Adaptive } from './adaptive.js'
import { runOverload } from './model.js'
import { BIN_MS, type Outcome, type ServiceTimes, type Shape } from './shape.js'
import { SCALED } from './shapes.js'

const BASE: Shape = {
  endpoints: 3,
  workers: 4,
  service: 'exponential',
  meanMs: 100,
  load: 0.8,
  deadlineMs: 1_000,
  deadlineKnown: false,
  noticesAborts: false,
  durationMs: 60_000,
  seed: 3,
  pick: 'peak-ewma',
  countFromMs: 0,
}
const NO_DEADLINE = { deadlineMs: 0 }
const HOUR_MS = 3_600_000

const SPECIALS: Record<string, Partial<Shape>> = {
  'bursts of 100 over 48 workers, 20 ms': burst(20, 2_000),
  'bursts of 100 over 48 workers, 100 ms': burst(100, 2_000),
  'bursts of 100 over 48 workers, 1 s': burst(1_000, 5_000),
  '1 s in 4 at 0.8': { onOff: { onMs: 1_000, everyMs: 4_000 }, load: 0.2 },
  '0.2 s in 1 at 1.5, 20 ms': { onOff: { onMs: 200, everyMs: 1_000 }, load: 0.3, workers: 16, meanMs: 20 },
  '0.2 s in 1 at 1.5, 100 ms': { onOff: { onMs: 200, everyMs: 1_000 }, load: 0.3, workers: 16 },
  '10 ms and 10 s, 100 workers, 0.5': mixed(100, 0.5),
  '10 ms and 10 s, 16 workers, 0.3': mixed(16, 0.3),
  '10 ms and 10 s, 16 workers, 0.7': mixed(16, 0.7),
  'long polls of 60 s, 100 in flight': { ...polls(0.1), ...NO_DEADLINE },
  'long polls of 60 s, callers leave after 30 s': { ...polls(0.1), deadlineMs: 30_000 },
  'an idle hour after 4 times capacity, then 100 at once': {
    workers: 16,
    meanMs: 20,
    load: 4,
    changes: [{ atMs: 20_000, load: 1e-7 }],
    burst: { everyMs: HOUR_MS, count: 100 },
    durationMs: HOUR_MS + 2_000,
    countFromMs: HOUR_MS - 10_000,
  },
  'sixteen times slower, then at 0.8, 20 ms': slower(20),
  'sixteen times slower, then at 0.8, 100 ms': slower(100),
}

function burst(meanMs: number, everyMs: number): Partial<Shape> {
  return { workers: 16, meanMs, load: 0.1, burst: { everyMs, count: 100 }, ...NO_DEADLINE }
}

function mixed(workers: number, load: number): Partial<Shape> {
  return { service: 'mixed', workers, meanMs: 110, load, durationMs: 120_000, ...NO_DEADLINE }
}

function polls(load: number): Partial<Shape> {
  return { service: 'poll', workers: 1_000, meanMs: 60_000, load, durationMs: 300_000 }
}

function slower(meanMs: number): Partial<Shape> {
  const changes = [{ atMs: 20_000, slowBy: 16, load: 0.05 }]
  return {
    meanMs,
    workers: 16,
    load: 0.4,
    changes,
    deadlineMs: 5_000,
    countFromMs: 20_000,
    pick: 'least-request',
  }
}

export function printSpecials(): void {
  const run = (shape: Partial<Shape>): Outcome =>
    runOverload({ ...BASE, ...shape }, SCALED, () => new Adaptive())
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`
  console.log('load | refused | given up | limits at the end')
  for (const [name, shape] of Object.entries(SPECIALS)) {
    const { refused, missed, limits } = run(shape)
    console.log([name, percent(refused), percent(missed), limits.join(' ')].join(' | '))
  }
  console.log('below capacity, no deadline | refused, of 60 s | refused, from 10 s on')
  for (const meanMs of [20, 100, 1_000])
    for (const workers of [1, 4, 16])
      for (const service of ['fixed', 'exponential', 'lognormal'] satisfies ServiceTimes[])
        for (const load of [0.5, 0.7, 0.85]) {
          const shape = { meanMs, workers, service, load, ...NO_DEADLINE }
          const [all, later] = [run(shape), run({ ...shape, countFromMs: 10_000 })]
          if (all.refused > 0.001)
            console.log(
              `${service} ${meanMs} ms, ${workers} workers, ${load} | ${percent(all.refused)} | ${percent(later.refused)}`,
            )
        }
  console.log('change | figure')
  for (const meanMs of [20, 100, 1_000])
    for (const service of ['fixed', 'exponential'] satisfies ServiceTimes[]) {
      const shape = { meanMs, service, deadlineMs: Math.max(1_000, 5 * meanMs) }
      const name = `${service} ${meanMs} ms, aborts, unnoticed`
      const changed = { ...shape, durationMs: 60_000, countFromMs: 30_000 }
      const more = run({ ...changed, workers: 1, load: 32, changes: [{ atMs: 20_000, workers: 16 }] })
      const fewer = run({ ...changed, workers: 16, load: 2, changes: [{ atMs: 20_000, workers: 1 }] })
      console.log(`1 to 16 workers, ${name} | goodput ${more.goodput.toFixed(2)} from 10 s after it on`)
      console.log(`16 to 1 workers, ${name} | goodput ${fewer.goodput.toFixed(2)} from 10 s after it on`)
      for (const workers of [1, 4, 16]) {
        const fallen = run({ ...shape, workers, load: 4, changes: [{ atMs: 30_000, load: 0.5 }] })
        console.log(
          `4 to 0.5 times capacity, ${workers} workers, ${name} | recovery ${recovery(fallen, 30_000)} s`,
        )
      }
    }
}

/** Seconds from `atMs` to the end of the last bin in which more than one arrival and 5% of them were not answered in time. */
function recovery({ arrivedBins, goodBins }: Outcome, atMs: number): number {
  const from = atMs / BIN_MS
  let last = from
  // What came in the last 6 s may not have been answered yet.
  for (let i = from; i < arrivedBins.length - 6_000 / BIN_MS; i++)
    if (arrivedBins[i] - goodBins[i] > Math.max(1, 0.05 * arrivedBins[i])) last = i + 1
  return ((last - from) * BIN_MS) / 1_000
}
