import { OUTCOME } from '../engine/layout.js'
import { ArgumentError } from '../errors.js'
import type { Endpoint, Lease, Outcome } from '../model/index.js'
import { describeLease, type HowToInspect, INSPECT } from '../observe/describe.js'
import {
  type AnswerVerdict,
  answerVerdictOf,
  OUTCOME_OF,
  outcomeFault,
  type Verdict,
  verdictOf,
} from '../outcome/classify.js'
import type { Member } from '../topology/member.js'
import { type BodyEnd, type Feedback, LEASE_FLAGS } from './feedback.js'

/** Stands for "measure it: the time since the pick". */
const MEASURED = Number.NaN
const NO_SAMPLE = -1

/** A place that the balancer has reserved: the lease that callers get, and what fairlead's own clients say of it beside. */
export class Reservation implements Lease {
  readonly #feedback: Feedback
  readonly #member: Member
  readonly #startedAt: number
  /** How it came about, and how far it is: one word, since every request makes one of these. See `LEASE_FLAGS`. */
  #flags: number

  /** Made by the balancer alone, for a place that it has reserved. */
  constructor(feedback: Feedback, member: Member, startedAt: number, flags: number) {
    this.#feedback = feedback
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
    return (this.#flags & LEASE_FLAGS.ENDED) !== 0
  }

  /** A further try of a request. */
  get isRetry(): boolean {
    return (this.#flags & LEASE_FLAGS.RETRY) !== 0
  }

  /** It counts as a further try until it ends; false where its endpoint's limit does not allow it. */
  countAsRetry(): boolean {
    if (!this.#feedback.service.retries.takeAt(this.slot)) return false
    this.#flags |= LEASE_FLAGS.RETRY
    return true
  }

  get #isAnswered(): boolean {
    return (this.#flags & LEASE_FLAGS.ANSWERED) !== 0
  }

  get startedAt(): number {
    return this.#startedAt
  }

  answered(outcome?: Outcome): void {
    if ((this.#flags & LEASE_FLAGS.DECIDED) !== 0) return
    const fault = outcomeFault(outcome)
    if (fault !== undefined) throw new ArgumentError(fault)
    const verdict = answerVerdictOf(outcome)
    if (outcome?.load !== undefined) this.#feedback.reported(this.#member, outcome.load)
    this.answer(verdict, verdict === 'success' ? (outcome?.latencyMs ?? MEASURED) : NO_SAMPLE, 0)
  }

  end(outcome?: Outcome): void {
    if (this.ended) return
    const fault = outcomeFault(outcome)
    if (fault !== undefined) {
      this.settle('cancelled', NO_SAMPLE)
      throw new ArgumentError(fault)
    }
    if (this.#isAnswered) {
      this.close(outcome?.ok === false ? 'broken' : 'complete')
      return
    }
    const verdict = verdictOf(outcome)
    if (outcome?.load !== undefined) this.#feedback.reported(this.#member, outcome.load)
    this.settle(verdict, verdict === 'success' ? (outcome?.latencyMs ?? MEASURED) : NO_SAMPLE)
  }

  /** The endpoint's answer has begun; `headers` are raw pairs, of which a load report is taken. */
  responded(headers: Buffer[]): void {
    this.#feedback.responded(this.#member, headers)
  }

  /**
   * As `answered`, in fairlead's own words. `latencyMs`: NaN to measure it, negative for no sample. `pauseMs`: for how
   * long the answer asks to be left alone; 0: it does not.
   */
  answer(verdict: AnswerVerdict, latencyMs: number, pauseMs: number): void {
    if ((this.#flags & LEASE_FLAGS.DECIDED) !== 0) return
    this.#flags |= LEASE_FLAGS.ANSWERED
    if (OUTCOME_OF[verdict] === OUTCOME.SUCCEEDED) this.#flags |= LEASE_FLAGS.SUCCEEDED
    this.#feedback.answered(this.#member, this.#startedAt, verdict, latencyMs, pauseMs, this.#flags)
  }

  /** Gives the place of an answered request back; `broken`: the endpoint broke the body, `lost`: it is not to blame. */
  close(body: BodyEnd): void {
    if (this.ended || !this.#isAnswered) return
    this.#flags |= LEASE_FLAGS.ENDED
    this.#feedback.closed(this.#member, body, this.#flags, this.#startedAt)
  }

  /** As `end` without `answered`, in fairlead's own words. `latencyMs` and `pauseMs` as in `answer`. */
  settle(verdict: Verdict, latencyMs: number, pauseMs = 0): void {
    if (this.ended) return
    if (this.#isAnswered) return this.close('left')
    this.#flags |= LEASE_FLAGS.ENDED
    this.#feedback.ended(this.#member, this.#startedAt, verdict, latencyMs, pauseMs, this.#flags)
  }

  [Symbol.dispose](): void {
    this.settle('cancelled', NO_SAMPLE)
  }

  [INSPECT](...how: HowToInspect): string {
    const service = this.#feedback.service.name
    return describeLease({ service, endpoint: this.endpoint.id, ended: this.ended }, how)
  }
}
