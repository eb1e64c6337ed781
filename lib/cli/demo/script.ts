/** What happens in the demonstration, and when: the same for both clients. */
import { nextRandom, seedRandom } from '../../engine/atomics/random.js'
import { TWO_TO_32 } from '../../runtime/bits.js'
import type { SourceKind } from './source.js'

export type EndpointName = 'A' | 'B' | 'C'
export const ENDPOINT_NAMES: readonly EndpointName[] = ['A', 'B', 'C']

/** How an endpoint works. */
export interface Workplace {
  /** Median time that it works on a request while all is well, ms. */
  readonly medianMs: number
  /** Requests that it works on at once; more of them queue in it. */
  readonly workers: number
  /** Whether it leaves out requests whose caller has gone before their turn. */
  readonly noticesAborts: boolean
}

const inFirstActs = (medianMs: number): Workplace => ({ medianMs, workers: 16, noticesAborts: true })
export const WORKPLACES: Readonly<Record<EndpointName, Workplace>> = {
  A: inFirstActs(6),
  B: inFirstActs(8),
  C: inFirstActs(12),
}
export const SLOW_FACTOR = 100
/** Of the logarithm of the work: 95% of the requests take between half and twice the median. */
const SIGMA = 0.35
/** Of the work's log-normal distribution, as a multiple of its median. */
export const MEAN_WORK = Math.exp(SIGMA ** 2 / 2)
const POST_SHARE = 0.05
const MS_PER_SECOND = 1000
export type Phase = 'healthy' | 'slow' | 'recovered' | 'dead' | 'revived'

export interface TimelineEvent {
  /** Fraction of the load's duration. */
  readonly at: number
  readonly phase: Phase
  readonly endpoint: EndpointName
  readonly text: string
}

export const TIMELINE: readonly TimelineEvent[] = [
  { at: 0.2, phase: 'slow', endpoint: 'B', text: `B turns ${SLOW_FACTOR} times slower` },
  { at: 0.45, phase: 'recovered', endpoint: 'B', text: 'B is as fast as before' },
  { at: 0.6, phase: 'dead', endpoint: 'A', text: 'A is killed' },
  { at: 0.8, phase: 'revived', endpoint: 'A', text: 'A is back' },
]

export interface LoadPlan {
  readonly seed: number
  /** Requests per second through each client, on average. */
  readonly rate: number
  readonly durationMs: number
  /** Where fairlead's endpoints come from: a list unless given. */
  readonly source?: SourceKind
}

export interface PlannedRequest {
  /** When it is due, ms after the start. */
  readonly dueMs: number
  readonly method: 'GET' | 'POST'
  /** Its work, as a multiple of the endpoint's median. */
  readonly work: number
}

/** Poisson arrivals: exponential gaps, whatever became of the requests before. Log-normal work. */
export function* plannedRequests({ seed, rate, durationMs }: LoadPlan): Generator<PlannedRequest> {
  const state = new Int32Array(4)
  seedRandom(state, 0, seed, 0)
  // Above 0, so that its logarithm exists.
  const uniform = (): number => (nextRandom(state, 0) + 1) / (TWO_TO_32 + 1)
  for (let dueMs = 0; ; ) {
    dueMs -= (Math.log(uniform()) / rate) * MS_PER_SECOND
    // Box-Muller: one normal number from two uniform ones.
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
    const method = uniform() < POST_SHARE ? 'POST' : 'GET'
    if (dueMs >= durationMs) return
    yield { dueMs, method, work: Math.exp(SIGMA * normal) }
  }
}
