import { TWO_TO_32 } from '../runtime/bits.js'
import type { SimulatedEndpointConfig } from './config.js'
import type { SimulatedEndpoint } from './endpoint.js'
import { START_MS } from './machine.js'
import { RandomStream } from './random.js'
import { type Run, STREAM } from './run.js'

/** Sets the antagonist of each endpoint going, each with random numbers of its own. */
export function startAntagonists(
  run: Run,
  configs: readonly SimulatedEndpointConfig[],
  endpoints: readonly SimulatedEndpoint[],
  seed: number,
): void {
  configs.forEach(({ antagonist }, number) => {
    if (antagonist === undefined) return
    const random = new RandomStream((seed + number * 7919) % TWO_TO_32, STREAM.ANTAGONISTS)
    const endpoint = endpoints[number]
    if ('slowBy' in antagonist) contend(run, endpoint, antagonist, random)
    else if (antagonist.load > 0) compete(run, number, endpoint, antagonist, random)
  })
}

/** Takes away a share of its processor, another one after a while. */
function contend(
  run: Run,
  endpoint: SimulatedEndpoint,
  { slowBy, holdMs }: { slowBy: readonly number[]; holdMs: number },
  random: RandomStream,
): void {
  const change = (): void => {
    endpoint.contention = slowBy[random.below(slowBy.length)]
    run.agenda.at(run.agenda.now + random.exponential(holdMs), change)
  }
  change()
}

/** Puts requests of others into its queue. */
function compete(
  run: Run,
  number: number,
  endpoint: SimulatedEndpoint,
  { load, onMs = Number.POSITIVE_INFINITY, offMs = 0 }: { load: number; onMs?: number; offMs?: number },
  random: RandomStream,
): void {
  const workers = Number.isFinite(endpoint.workers) ? endpoint.workers : 1
  const gapMs = run.distribution.mean / endpoint.speed / workers / load
  let phaseEnd = START_MS + (onMs === Number.POSITIVE_INFINITY ? onMs : random.exponential(onMs))
  const next = (now: number): void => {
    let at = now + random.exponential(gapMs)
    if (at > phaseEnd) {
      const begins = phaseEnd + random.exponential(offMs)
      phaseEnd = begins + random.exponential(onMs)
      at = begins + random.exponential(gapMs)
    }
    run.agenda.at(at, () => {
      run.workers.addOthers(number, run.distribution.sample(random))
      next(run.agenda.now)
    })
  }
  next(START_MS)
}
