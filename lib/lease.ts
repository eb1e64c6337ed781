import { ArgumentError } from './errors.js'
import type { Endpoint, Outcome } from './model.js'
import { describeLease, type HowToInspect, INSPECT } from './observe/describe.js'
import { outcomeFault, type Verdict, verdictOf } from './outcome/classify.js'
import type { Service } from './service.js'
import type { Member } from './topology/member.js'

/** What a lease remembers of how it came about. */
export const LEASE_FLAGS = {
  /** Its request probes an endpoint after an ejection. */
  PROBE: 1,
  /** It counts in the service's own requests in flight, since a limit was set when it was taken. */
  COUNTED: 2,
} as const

/**
 * One request's place on an endpoint: in-flight is one higher until it ends. End it exactly once; the first call counts,
 * further ones do nothing. A lease that is disposed (`using lease = ...`) without an end before is neutral: neither
 * success nor failure nor latency.
 */
export class Lease {
  readonly #service: Service
  readonly #member: Member
  readonly #startedAt: number
  readonly #flags: number
  #ended = false

  /** For `Service.pick` alone. */
  constructor(service: Service, member: Member, startedAt: number, flags: number) {
    this.#service = service
    this.#member = member
    this.#startedAt = startedAt
    this.#flags = flags
  }

  get endpoint(): Endpoint {
    return this.#member.endpoint
  }

  get ended(): boolean {
    return this.#ended
  }

  /** When the request was sent on its way: ms on the balancer's monotonic clock. */
  get startedAt(): number {
    return this.#startedAt
  }

  /**
   * The request is over. Without an outcome it succeeded; its latency is the time since the pick unless `latencyMs`
   * (time to the response's headers) says otherwise. Only successes are latency samples: an endpoint that fails fast
   * must not look quick. Throws `ArgumentError` on an outcome that it does not understand; the lease has then ended
   * neutrally, so that no place is lost.
   */
  end(outcome?: Outcome): void {
    if (this.#ended) return
    const fault = outcomeFault(outcome)
    if (fault !== undefined) {
      this.settle('cancelled', -1)
      throw new ArgumentError(fault)
    }
    const verdict = verdictOf(outcome)
    if (outcome?.load !== undefined) this.#service.reported(this.#member, outcome.load)
    const latencyMs = verdict === 'success' ? (outcome?.latencyMs ?? Number.NaN) : -1
    this.settle(verdict, latencyMs)
  }

  /** The endpoint's answer has begun; `headers` are raw pairs, of which a load report is taken. */
  responded(headers: Buffer[]): void {
    this.#service.responded(this.#member, headers)
  }

  /** As `end`, in fairlead's own words. `latencyMs`: NaN to measure it, negative for no sample. */
  settle(verdict: Verdict, latencyMs: number): void {
    if (this.#ended) return
    this.#ended = true
    this.#service.feedback(this.#member, this.#startedAt, verdict, latencyMs, this.#flags)
  }

  [Symbol.dispose](): void {
    this.settle('cancelled', -1)
  }

  [INSPECT](...how: HowToInspect): string {
    const service = this.#service.name
    return describeLease({ service, endpoint: this.endpoint.id, ended: this.#ended }, how)
  }
}
