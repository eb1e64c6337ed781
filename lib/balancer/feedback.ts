import type { AdaptiveLimits } from '../admission/adaptive-limits.js'
import type { ServiceCount } from '../admission/service-count.js'
import type { SharedControl } from '../admission/shared-control.js'
import { OUTCOME, SERVICE } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { Ejection } from '../health/passive/ejection.js'
import type { StallWatch } from '../health/passive/stall.js'
import type { LoadReport } from '../model/index.js'
import { type AnswerVerdict, OUTCOME_OF, type Verdict } from '../outcome/classify.js'
import type { Member } from '../topology/member.js'
import type { RetiredSlots } from '../topology/retired-slots.js'
import type { RetryLimits } from './retry-limits.js'
import type { ServicePolicy } from './service-policy.js'

/** What a lease remembers: of how it came about, and of how far it is. */
export const LEASE_FLAGS = {
  /** Its request probes an endpoint after an ejection. */
  PROBE: 1,
  /** It counts in the service's own requests in flight, since a limit was set when it was taken. */
  COUNTED: 2,
  /** Its request tries whether a silent endpoint answers. */
  TRIAL: 4,
  /** The endpoint's answer has begun, */
  ANSWERED: 8,
  /** and it was a good one. */
  SUCCEEDED: 16,
  /** Its place was given back. */
  ENDED: 32,
  /** It was sent while few were in flight: a sample of the base. */
  FEW: 64,
  /** It is a further try, and counts as one. */
  RETRY: 128,
  /** It counts in something of the service's or of the endpoint's beside the requests in flight. */
  COUNTED_BESIDE: 2 | 128,
  /** Of these two either. */
  DECIDED: 8 | 32,
} as const

/** What of a service learns from outcomes. */
export interface Learning {
  readonly name: string
  /** Of its record in shared memory. */
  readonly index: number
  readonly ejection: Ejection<Member>
  readonly stalls: StallWatch<Member>
  readonly limit: ServiceCount
  readonly retries: RetryLimits
  readonly adaptive: AdaptiveLimits
  readonly admission: { readonly isWaitedFor: boolean; offer(): void }
  readonly policy: ServicePolicy
  /** undefined: off. */
  readonly control: SharedControl | undefined
}

/** How a body ended; `broken`: by its endpoint, `lost`: by nobody who is to blame, `left`: by the caller. */
export type BodyEnd = 'complete' | 'broken' | 'lost' | 'left'

/**
 * The last step of a request's way: what outcomes of a service's requests change. Beside it only the stall
 * rule says what real traffic proves of health. Each method is called once for each part of an outcome; leases see to that.
 */
export class Feedback {
  readonly service: Learning
  readonly #state: SharedState
  readonly #retired: RetiredSlots

  constructor(service: Learning, state: SharedState, retired: RetiredSlots) {
    this.service = service
    this.#state = state
    this.#retired = retired
  }

  /**
   * The final headers of a request are here; its place is kept until `closed`.
   * @param startedAt ms on the balancer's clock
   * @param latencyMs negative: no sample; NaN: the time since `startedAt`
   * @param pauseMs for how long the endpoint asks to be left alone; 0: it does not
   */
  answered(
    member: Member,
    startedAt: number,
    verdict: AnswerVerdict,
    latencyMs: number,
    pauseMs: number,
    flags: number,
  ): void {
    const { stalls, policy, admission, control } = this.service
    stalls.ended()
    if (this.#state.detached) return
    try {
      this.#judge(member, startedAt, verdict, pauseMs, flags)
    } finally {
      if (control !== undefined) control.ended(OUTCOME_OF[verdict])
      this.#state.core.answer(member.slot, startedAt, OUTCOME_OF[verdict], latencyMs)
    }
    this.service.adaptive.ended(member.slot, startedAt)
    if (verdict === 'success') this.#noteAnswer(member, startedAt, latencyMs, flags)
    policy.answered(member.slot, startedAt, latencyMs, verdict === 'success')
    // Where unanswered requests are limited, a place is free.
    if (admission.isWaitedFor) admission.offer()
  }

  /** The body of an answered request is over. */
  closed(member: Member, body: BodyEnd, flags: number, startedAt: number): void {
    if (this.#state.detached) return
    const { ejection, control } = this.service
    try {
      if (body === 'complete') ejection.bodyComplete(member)
      else if (body === 'broken') ejection.bodyBroken(member)
    } finally {
      const isBroken = (body === 'broken' || body === 'lost') && (flags & LEASE_FLAGS.SUCCEEDED) !== 0
      if (isBroken && control !== undefined) control.broken()
      if (flags & LEASE_FLAGS.COUNTED_BESIDE) this.#leave(member, flags)
      this.#state.core.close(member.slot, isBroken)
    }
    this.#afterEnd(member, startedAt)
  }

  /** A request is over that was not answered before, as far as its lease was told. Parameters as of `answered`. */
  ended(
    member: Member,
    startedAt: number,
    verdict: Verdict,
    latencyMs: number,
    pauseMs: number,
    flags: number,
  ): void {
    const { stalls, ejection, policy, control } = this.service
    stalls.ended()
    if (this.#state.detached) return
    try {
      this.#judge(member, startedAt, verdict, pauseMs, flags)
      if (verdict === 'success') ejection.bodyComplete(member)
      if (verdict === 'cancelled' && (flags & LEASE_FLAGS.TRIAL) !== 0)
        stalls.trialCancelled(member, this.#state.core.now() - startedAt)
    } finally {
      if (control !== undefined) control.ended(OUTCOME_OF[verdict])
      // Last: with nothing in flight there the slot may become another endpoint's, and the record another service's.
      if (flags & LEASE_FLAGS.COUNTED_BESIDE) this.#leave(member, flags)
      this.#state.core.end(member.slot, startedAt, OUTCOME_OF[verdict], latencyMs)
    }
    this.service.adaptive.ended(member.slot, startedAt)
    if (verdict === 'success') this.#noteAnswer(member, startedAt, latencyMs, flags)
    else if (verdict === 'cancelled') this.#noteAbort(member, startedAt)
    policy.answered(member.slot, startedAt, latencyMs, verdict === 'success')
    this.#afterEnd(member, startedAt)
  }

  /** What an answer says of how many requests its endpoint takes. Those who wait are looked after when it has been noted. */
  #noteAnswer({ slot }: Member, startedAt: number, latencyMs: number, flags: number): void {
    // Without a sample the engine has read no clock.
    if (latencyMs < 0) return
    const now = this.#state.core.endedAt()
    const tookMs = Number.isNaN(latencyMs) ? now - startedAt : latencyMs
    this.service.adaptive.answered(slot, now, Math.max(0, tookMs), (flags & LEASE_FLAGS.FEW) !== 0)
  }

  #noteAbort({ slot }: Member, startedAt: number): void {
    const now = this.#state.core.now()
    this.service.adaptive.aborted(slot, now, Math.max(0, now - startedAt))
  }

  /** An endpoint said how loaded it is, in its answer or to the caller. */
  reported(member: Member, report: LoadReport): void {
    this.service.policy.reported(member, report)
  }

  /** An endpoint's answer has begun; `headers` are raw pairs. */
  responded(member: Member, headers: Buffer[]): void {
    this.service.policy.responded(member, headers)
  }

  /** A request is about to be tried once more; `verdict` says how the try before counts. */
  retried(verdict: Verdict): void {
    const { index, control } = this.service
    this.#state.countService(index, SERVICE.RETRIED)
    const outcome = OUTCOME_OF[verdict]
    if (control !== undefined) control.retried(outcome)
    if (outcome === OUTCOME.CANCELLED) this.#state.countService(index, SERVICE.RETRIED_CANCELLED)
    if (outcome === OUTCOME.SUCCEEDED) this.#state.countService(index, SERVICE.RETRIED_SUCCEEDED)
  }

  #leave({ slot }: Member, flags: number): void {
    const { limit, retries } = this.service
    if (flags & LEASE_FLAGS.COUNTED) limit.leave()
    if ((flags & LEASE_FLAGS.RETRY) === 0) return
    retries.leave()
    retries.leaveAt(slot)
  }

  #afterEnd({ slot }: Member, startedAt: number): void {
    const { policy, admission } = this.service
    policy.ended(slot, startedAt)
    if (admission.isWaitedFor) admission.offer()
    this.#retired.sweep()
  }

  #judge(member: Member, startedAt: number, verdict: Verdict, pauseMs: number, flags: number): void {
    const { ejection } = this.service
    const wasProbe = (flags & LEASE_FLAGS.PROBE) !== 0
    switch (verdict) {
      case 'success':
        return ejection.succeeded(member, wasProbe)
      case 'throttled':
        return ejection.throttled(member, pauseMs, wasProbe)
      case 'status':
      case 'gateway':
        ejection.failed(member, verdict, wasProbe)
        if (pauseMs > 0) ejection.throttled(member, pauseMs, false)
        return
      case 'connect':
      case 'local-origin':
        return ejection.failed(member, verdict, wasProbe)
      case 'stall':
        return ejection.stalled(member, wasProbe)
      default:
        if (wasProbe) ejection.probeCancelled(member, this.#state.core.now() - startedAt)
    }
  }
}
