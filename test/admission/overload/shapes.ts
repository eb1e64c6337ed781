/** The loads that limiters are compared on, and the disciplines of the admission queue. */
import type { Discipline, ServiceTimes, Shape } from './shape.js'

/** Facebook's form of CoDel as it is told: 5 ms once the queue has not been empty for 100 ms. */
export const PLAIN: Discipline = {
  limit: 1_024,
  waitMs: 1_000,
  busyWaitMs: 5,
  intervalMs: 100,
  busyWaitBases: 0,
  intervalBases: 0,
  sticky: false,
}

/** The same with times that grow with the service's base latency, and an end that lasts. */
export const SCALED: Discipline = { ...PLAIN, busyWaitBases: 0.5, intervalBases: 10, sticky: true }

const MEANS_MS = [20, 100, 1_000]
const WORKERS = [1, 4, 16]
const SERVICES: ServiceTimes[] = ['fixed', 'exponential', 'bimodal', 'lognormal']
const LOADS = [2, 4]
const PATIENCE_MS = [500, 1_000, 3_000]
const KINDS = [
  { deadlineKnown: true, noticesAborts: true },
  { deadlineKnown: false, noticesAborts: true },
  { deadlineKnown: false, noticesAborts: false },
]

/** 216 shapes; what is not a dimension (endpoints, deadline, pick, seed) takes turns. */
export function overloadShapes(): Shape[] {
  const shapes: Shape[] = []
  for (const meanMs of MEANS_MS)
    for (const workers of WORKERS)
      for (const service of SERVICES)
        for (const load of LOADS)
          for (const kind of KINDS)
            shapes.push({ ...kind, ...turn(shapes.length), meanMs, workers, service, load })
  return shapes.map((shape) => ({ ...shape, deadlineMs: Math.max(shape.deadlineMs, 5 * shape.meanMs) }))
}

function turn(i: number): Pick<Shape, 'endpoints' | 'deadlineMs' | 'durationMs' | 'seed' | 'pick'> {
  return {
    endpoints: i % 2 === 1 ? 3 : 5,
    // Each kind of deadline meets each patience.
    deadlineMs: PATIENCE_MS[(i + Math.floor(i / 3)) % 3],
    durationMs: 60_000,
    seed: 7 + i,
    pick: (i >> 1) % 2 === 1 ? 'peak-ewma' : 'least-request',
  }
}

export function nameOf(shape: Shape): string {
  const { deadlineKnown, noticesAborts, service, workers, endpoints, meanMs, load, deadlineMs } = shape
  const deadline = deadlineKnown ? 'known' : noticesAborts ? 'abort, noticed' : 'abort, unnoticed'
  return `${service} ${meanMs} ms, ${endpoints} x ${workers} workers, load ${load}, ${deadlineMs} ms ${deadline}, ${shape.pick}`
}
