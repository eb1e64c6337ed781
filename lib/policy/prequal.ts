import { SLOT } from '../engine/layout.js'
import type { LoadReport } from '../model.js'
import type { ResolvedPolicy } from '../options/resolved.js'
import { randomPosition, reserveFrom, sampleDistinct } from './choose.js'
import type {
  Candidate,
  OpenPolicy,
  PolicyContext,
  PolicyPicker,
  PolicyView,
  StatefulPolicy,
} from './policy.js'
import { ProbePool, reuse } from './probe-pool.js'

const TWO_TO_32 = 4294967296
/** Probes without an answer, all endpoints together; more are not sent. */
const MAX_PROBES_UNDER_WAY = 64

/**
 * Prequal (NSDI 2024): probes a few endpoints at random for each request, keeps their answers for a second, and sends
 * the next requests to the quickest of those that are not hot. Weights are ignored.
 *
 * With `probePath` the endpoints are asked over HTTP, and answer with `rif` and `latency_ms` as named metrics of an
 * `endpoint-load-metrics` header: what all their clients together make of them. Without it a probe is a look at what the
 * threads of this balancer know.
 */
export const prequal: StatefulPolicy = {
  name: 'prequal',
  latency: 'plain',
  open: (context, options) => new Prequal(context, options),
}

class Prequal implements OpenPolicy {
  readonly #context: PolicyContext
  readonly #options: ResolvedPolicy
  readonly #pool: ProbePool
  readonly #underWay = new Set<Candidate>()
  /** Probes that are owed, fractions included. */
  #owed = 0
  readonly #sample: Int32Array
  #closed = false

  constructor(context: PolicyContext, options: ResolvedPolicy) {
    this.#context = context
    this.#options = options
    this.#pool = new ProbePool(options)
    this.#sample = new Int32Array(Math.ceil(options.probesPerRequest) + 1)
  }

  picker(view: PolicyView): PolicyPicker {
    const { slots, isUsable, state } = view
    const n = slots.length
    const uses = reuse(this.#options, n)
    return () => {
      if (n === 0) return -1
      const now = state.core.now()
      const slot = this.#pool.take(now, isUsable)
      const reserved =
        slot >= 0 && state.core.reserve(slot) ? slot : reserveFrom(view, slots, randomPosition(view, n))
      this.#probeSome(view, uses)
      return reserved
    }
  }

  close(): void {
    this.#closed = true
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
    this.#add(slot, inFlight, state.core.latency(slot, now), now, uses)
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

  #add(slot: number, inFlight: number, latencyMs: number, at: number, uses: number): void {
    const whole = Math.floor(uses)
    // A fraction is one use more with that probability.
    const more = this.#context.state.core.random() < (uses - whole) * TWO_TO_32 ? 1 : 0
    const usesLeft = uses === Number.POSITIVE_INFINITY ? uses : whole + more
    this.#pool.add({ slot, inFlight, latencyMs, at, usesLeft })
  }
}
