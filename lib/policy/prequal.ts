import { SLOT } from '../engine/layout.js'
import type { LoadReport } from '../model/index.js'
import { MAX_MS, REQUEST_PATH } from '../options/common.js'
import { number, text } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import { ByLoad, bestOf, randomPosition, sampleDistinct } from './choose.js'
import { LatencyByLoad } from './latency-by-load.js'
import {
  type Candidate,
  type OpenPolicy,
  type PolicyContext,
  type PolicyPicker,
  type PolicyView,
  stateful,
} from './policy.js'
import { ProbePool, reuse } from './probe-pool.js'

/** Probes without an answer, all endpoints together; more are not sent. */
const MAX_PROBES_UNDER_WAY = 64

const OPTIONS = {
  probePath: text({
    right: 'a path like `/load`',
    pattern: REQUEST_PATH,
    // No probes over the network.
    default: '',
    defaultText: 'none',
    about: 'Path that probes ask for. Without it the load is what the threads of this balancer see.',
  }),
  probesPerRequest: number({
    min: 0,
    above: true,
    max: 100,
    default: 3,
    source: 'Prequal',
    about: 'Probes sent for each request; fractions are carried over.',
  }),
  poolSize: number({
    integer: true,
    min: 2,
    max: 1_024,
    default: 16,
    source: 'Prequal',
    about: 'Probe results kept.',
  }),
  maxProbeAgeMs: number({
    min: 1,
    max: MAX_MS,
    unit: 'ms',
    default: 1_000,
    source: 'Prequal',
    about: 'A probe result, or a probe without answer, older than this is dropped.',
  }),
  hotQuantile: number({
    min: 0,
    max: 1,
    default: 0.84,
    source: 'Prequal',
    about: 'An endpoint is hot where its requests in flight are above this quantile of those seen.',
  }),
} as const

type Options = ResolvedOf<typeof OPTIONS>

/**
 * Prequal (NSDI 2024): probes a few endpoints at random for each request, keeps their answers for a second, and sends
 * the next requests to the quickest of those that are not hot. Weights are ignored.
 *
 * With `probePath` the endpoints are asked over HTTP, and answer with `rif` and `latency_ms` as named metrics of an
 * `endpoint-load-metrics` header: what all their clients together make of them. Without it a probe is a look at what the
 * threads of this balancer know.
 */
export const prequal = stateful({
  name: 'prequal',
  options: OPTIONS,
  latency: 'plain',
  looksAtLatency: true,
  ignoresWeights: true,
  open: (context, options) => new Prequal(context, options),
})

/** What this thread's own requests say of an endpoint. */
class Seen {
  readonly latency = new LatencyByLoad()
  /** Requests in flight when a request arrived, by the time of its reservation. */
  readonly #arrivals = new Map<number, number>()

  arrived(startedAt: number, inFlight: number): void {
    this.#arrivals.set(startedAt, inFlight)
  }

  /** A wait that was given up says that an answer takes at least as long: it is kept where that is news. */
  answered(startedAt: number, latencyMs: number, now: number, isAnswer: boolean): void {
    const inFlight = this.#arrivals.get(startedAt)
    this.#arrivals.delete(startedAt)
    if (inFlight === undefined || !(latencyMs >= 0)) return
    if (isAnswer || latencyMs > this.latency.estimate(inFlight, now))
      this.latency.add(inFlight, latencyMs, now)
  }

  ended(startedAt: number): void {
    this.#arrivals.delete(startedAt)
  }
}

class Prequal implements OpenPolicy {
  readonly #context: PolicyContext
  readonly #options: Options
  readonly #pool: ProbePool
  readonly #underWay = new Set<Candidate>()
  /** By slot, without `probePath`. */
  readonly #seen = new Map<number, Seen>()
  /** Probes that are owed, fractions included. */
  #owed = 0
  readonly #sample: Int32Array
  #closed = false

  constructor(context: PolicyContext, options: Options) {
    this.#context = context
    this.#options = options
    this.#pool = new ProbePool(options)
    this.#sample = new Int32Array(Math.ceil(options.probesPerRequest) + 1)
  }

  picker(view: PolicyView): PolicyPicker {
    const { slots, isUsable, state, all } = view
    const present = new Set(all.map((member) => member.slot))
    for (const slot of this.#seen.keys()) if (!present.has(slot)) this.#seen.delete(slot)
    const n = slots.length
    const uses = reuse(this.#options, n)
    const below = (most: number) => randomPosition(view, most)
    // Where probes say too little: an endpoint that hangs answers none, and must not get what it would by chance.
    const loads = new ByLoad(view, slots, new Float64Array(n).fill(1), true)
    const withoutProbes = bestOf(view, slots, loads, 2)
    return (request) => {
      if (n === 0) return -1
      const now = state.core.now()
      const slot = this.#pool.take(now, isUsable, below)
      const reserved = slot >= 0 && state.core.reserve(slot) ? slot : withoutProbes(request)
      if (reserved >= 0 && this.#options.probePath === '')
        this.#seenOf(reserved).arrived(state.core.startedAt(), state.peek(reserved, SLOT.IN_FLIGHT) - 1)
      this.#probeSome(view, uses)
      return reserved
    }
  }

  answered(slot: number, startedAt: number, latencyMs: number, isAnswer: boolean): void {
    if (this.#options.probePath !== '') return
    const now = this.#context.state.core.now()
    const took = Number.isNaN(latencyMs) ? now - startedAt : latencyMs
    this.#seen.get(slot)?.answered(startedAt, took, now, isAnswer)
  }

  ended(slot: number, startedAt: number): void {
    this.#seen.get(slot)?.ended(startedAt)
  }

  close(): void {
    this.#closed = true
  }

  #seenOf(slot: number): Seen {
    let seen = this.#seen.get(slot)
    if (seen === undefined) this.#seen.set(slot, (seen = new Seen()))
    return seen
  }

  /** Of distinct endpoints. */
  #probeSome(view: PolicyView, uses: number): void {
    const { probesPerRequest, probePath } = this.#options
    const n = view.slots.length
    this.#owed = Math.min(this.#owed + probesPerRequest, n)
    const count = Math.floor(this.#owed)
    this.#owed -= count
    sampleDistinct(view, n, count, this.#sample)
    for (let i = 0; i < count; i++) {
      const member = view.usable[this.#sample[i]]
      if (probePath === '') this.#look(view, member, uses)
      else this.#ask(view, member, uses)
    }
  }

  #look({ state }: PolicyView, { slot }: Candidate, uses: number): void {
    const now = state.core.now()
    const inFlight = state.peek(slot, SLOT.IN_FLIGHT)
    this.#add(slot, inFlight, this.#seenOf(slot).latency.estimate(inFlight, now), now, uses)
  }

  #ask({ state }: PolicyView, member: Candidate, uses: number): void {
    const { probePath, maxProbeAgeMs } = this.#options
    const underWay = this.#underWay
    if (underWay.has(member) || underWay.size >= MAX_PROBES_UNDER_WAY) return
    underWay.add(member)
    const took = (report: LoadReport | undefined): void => {
      underWay.delete(member)
      const { rif, latency_ms: latencyMs } = report?.named ?? {}
      if (this.#closed || !(rif >= 0) || !(latencyMs >= 0)) return
      this.#add(member.slot, rif, latencyMs, state.core.now(), uses)
    }
    this.#context.probe(member.endpoint, probePath, maxProbeAgeMs).then(took, () => took(undefined))
  }

  /** What is unanswered counts as well: an endpoint that hangs has quick answers to remember. */
  #add(slot: number, inFlight: number, answersMs: number, at: number, uses: number): void {
    const { core } = this.#context.state
    const latencyMs = Math.max(answersMs, this.#context.state.silentMs(slot, at))
    const whole = Math.floor(uses)
    // A fraction is one use more with that probability.
    const more = core.random() < (uses - whole) * TWO_TO_32 ? 1 : 0
    const usesLeft = uses === Number.POSITIVE_INFINITY ? uses : whole + more
    this.#pool.add({ slot, inFlight, latencyMs, at, usesLeft })
  }
}
