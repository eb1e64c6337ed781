import { OUTCOME } from './engine/layout.js'
import { ArgumentError } from './errors.js'
import type { Endpoint, Outcome } from './model.js'
import { describeLease, type HowToInspect, INSPECT } from './observe/describe.js'
import {
  type AnswerVerdict,
  answerVerdictOf,
  OUTCOME_OF,
  outcomeFault,
  type Verdict,
  verdictOf,
} from './outcome/classify.js'
import type { Service } from './service.js'
import type { Member } from './topology/member.js'

/** What a lease remembers of how it came about. */
export const LEASE_FLAGS = {
  /** Its request probes an endpoint after an ejection. */
  PROBE: 1,
  /** It counts in the service's own requests in flight, since a limit was set when it was taken. */
  COUNTED: 2,
  /** Its request looks whether a silent endpoint answers. */
  LOOK: 4,
} as const

/** Stands for "measure it: the time since the pick". */
const MEASURED = Number.NaN
const NO_SAMPLE = -1

/**
 * One request's place on an endpoint: in-flight is one higher until it ends. Its outcome has two parts: `answered`, at
 * the final headers, says how the endpoint did; `end` gives the place back. `end` alone does both. The first call of each
 * counts, further ones do nothing. A lease that is disposed (`using lease = ...`) without an end before is neutral:
 * neither success nor failure nor latency.
 */
export class Lease {
  readonly #service: Service
  readonly #member: Member
  readonly #startedAt: number
  readonly #flags: number
  #answered = false
  #succeeded = false
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

  /** The slot of shared memory that holds the endpoint's state. */
  get slot(): number {
    return this.#member.slot
  }

  get ended(): boolean {
    return this.#ended
  }

  /** When the request was sent on its way: ms on the balancer's monotonic clock. */
  get startedAt(): number {
    return this.#startedAt
  }

  /**
   * The endpoint has answered: its final headers are here, the body may still come. Verdict, latency and the end of a
   * probe are settled by this; the place is kept until `end()`. Without an outcome the answer was good, and its latency
   * is the time since the pick unless `latencyMs` says otherwise. Throws `ArgumentError` on an outcome that it does not
   * understand, and changes nothing.
   *
   * @example
   * const lease = balancer.pick('users')
   * const response = await client.send(lease.endpoint)
   * lease.answered({ status: response.status })
   * for await (const chunk of response.body) use(chunk)
   * lease.end()
   */
  answered(outcome?: Outcome): void {
    if (this.#answered || this.#ended) return
    const fault = outcomeFault(outcome)
    if (fault !== undefined) throw new ArgumentError(fault)
    const verdict = answerVerdictOf(outcome)
    if (outcome?.load !== undefined) this.#service.reported(this.#member, outcome.load)
    this.answer(verdict, verdict === 'success' ? (outcome?.latencyMs ?? MEASURED) : NO_SAMPLE, 0)
  }

  /**
   * The request is over. Without an outcome it succeeded; its latency is the time since the pick unless `latencyMs`
   * (time to the response's headers) says otherwise. Only successes are latency samples: an endpoint that fails fast
   * must not look quick. After `answered` all that counts here is whether the endpoint broke the body, which
   * `{ ok: false }` says. Throws `ArgumentError` on an outcome that it does not understand; the lease has then ended
   * neutrally, so that no place is lost.
   */
  end(outcome?: Outcome): void {
    if (this.#ended) return
    const fault = outcomeFault(outcome)
    if (fault !== undefined) {
      this.settle('cancelled', NO_SAMPLE)
      throw new ArgumentError(fault)
    }
    if (this.#answered) {
      this.close(outcome?.ok === false ? 'broken' : 'complete')
      return
    }
    const verdict = verdictOf(outcome)
    if (outcome?.load !== undefined) this.#service.reported(this.#member, outcome.load)
    this.settle(verdict, verdict === 'success' ? (outcome?.latencyMs ?? MEASURED) : NO_SAMPLE)
  }

  /** The endpoint's answer has begun; `headers` are raw pairs, of which a load report is taken. */
  responded(headers: Buffer[]): void {
    this.#service.responded(this.#member, headers)
  }

  /**
   * As `answered`, in fairlead's own words. `latencyMs`: NaN to measure it, negative for no sample. `pauseMs`: for how
   * long the answer asks to be left alone; 0: it does not.
   */
  answer(verdict: AnswerVerdict, latencyMs: number, pauseMs: number): void {
    if (this.#answered || this.#ended) return
    this.#answered = true
    this.#succeeded = OUTCOME_OF[verdict] === OUTCOME.SUCCEEDED
    this.#service.answered(this.#member, this.#startedAt, verdict, latencyMs, pauseMs, this.#flags)
  }

  /** Gives the place of an answered request back; `broken`: the endpoint broke the body, `lost`: it is not to blame. */
  close(body: 'complete' | 'broken' | 'lost' | 'left'): void {
    if (this.#ended || !this.#answered) return
    this.#ended = true
    this.#service.closed(this.#member, body, this.#succeeded, this.#flags, this.#startedAt)
  }

  /** As `end` without `answered`, in fairlead's own words. `latencyMs` and `pauseMs` as in `answer`. */
  settle(verdict: Verdict, latencyMs: number, pauseMs = 0): void {
    if (this.#ended) return
    if (this.#answered) return this.close('left')
    this.#ended = true
    this.#service.feedback(this.#member, this.#startedAt, verdict, latencyMs, pauseMs, this.#flags)
  }

  [Symbol.dispose](): void {
    this.settle('cancelled', NO_SAMPLE)
  }

  [INSPECT](...how: HowToInspect): string {
    const service = this.#service.name
    return describeLease({ service, endpoint: this.endpoint.id, ended: this.#ended }, how)
  }
}
