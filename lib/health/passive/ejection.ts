import { SLOT } from '../../engine/layout.js'
import type { SharedState } from '../../engine/state.js'
import type { Timers } from '../../runtime/timers.js'
import type { Check } from '../active/check.js'
import { tcpCheck } from '../active/tcp-check.js'
import { isLeft, isOut } from '../filter.js'
import { isOff, reaches } from './by-cause.js'
import { type EjectableNode, type EjectionChange, EjectionStates, releaseProbe } from './ejection-states.js'
import { CAUSE, type Cause, EJECTION, type Failure, isProof } from './ejection-words.js'
import { FailureRate } from './failure-rate.js'
import type { EjectionOptions } from './options.js'
import { Parking } from './parking.js'

export type { Failure } from './ejection-words.js'
export { EJECTION_OFF, type EjectionOptions } from './options.js'
export { releaseProbe }

/** A wait of a probe request that says something, ms. */
const SILENT_PROBE_MS = 250
/** For how long requests that cannot go elsewhere leave the probe of a silent endpoint to those that can, ms. */
const LEAVE_PROBE_MS = 10_000
/** Runs of passing checks up to this one have only just begun. */
const FIRST_OF_RUN = 1

/**
 * What real requests say about an endpoint, and what follows: it is ejected after failures in a row, or too high a share
 * of them, for a time that grows with each ejection. Then one request probes it: `claimProbe` gives the probe to exactly
 * one caller; if that request is answered well the endpoint is back, if it fails it is ejected for longer.
 *
 * Whatever proves that an endpoint cannot serve ejects as many as it is true of: one that is dead cannot take load off
 * the others. 5xx answers that are no gateway's eject at most `maxEjectionPercent`, at least one where two or more are left.
 *
 * A probe's request may end after the probe was given up (`LONGEST_PROBE_MS`) and another one is under way. Its answer is
 * still evidence, for or against: it ends the newer probe as that one's own would. If it was cancelled, nothing happens.
 *
 * Runs are counted in the slots by whichever thread ended the request: each word for itself, by an add or a store of 0.
 */
export class Ejection<T extends EjectableNode> {
  readonly #state: SharedState
  readonly #members: () => readonly T[]
  readonly #states: EjectionStates<T>
  readonly #rate: FailureRate
  readonly #timers: Timers
  readonly #parking: Parking<T>
  #options: EjectionOptions

  constructor(
    state: SharedState,
    options: EjectionOptions,
    timers: Timers,
    members: () => readonly T[],
    changed: (member: T, change: EjectionChange | 'parked', why: string) => void,
    leads: () => boolean = () => true,
    connect: Check = timers.simulated?.check ?? tcpCheck,
  ) {
    this.#state = state
    this.#options = options
    this.#members = members
    this.#timers = timers
    this.#states = new EjectionStates(state, options, timers, { members, changed, leads }, connect)
    this.#rate = new FailureRate(state, timers, members)
    this.#parking = new Parking(state, timers, members, changed)
  }

  configure(options: EjectionOptions): void {
    this.#options = options
    this.#states.options = options
  }

  /** What is turned off holds nobody back any longer. For the thread that has made the change. */
  writeSettings(): void {
    const why = 'outlier detection was turned off'
    for (const member of this.#members()) {
      const ejection = this.#state.get(member.slot, SLOT.EJECTION)
      if (ejection !== EJECTION.NONE && isOff(this.#causeOf(member), this.#options))
        this.#states.return(member, ejection, why)
    }
    if (this.#options.maxParkMs === 0) this.#parking.endAll(why)
  }

  /** A request was answered well, at its final headers. Cheap: three loads where there is nothing to change. */
  succeeded(member: T, wasProbe: boolean): void {
    const { slot } = member
    const state = this.#state
    if (state.peek(slot, SLOT.LOCAL_FAILURES) !== 0) state.set(slot, SLOT.LOCAL_FAILURES, 0)
    if (state.peek(slot, SLOT.STATUS_FAILURES) !== 0) {
      state.set(slot, SLOT.STATUS_FAILURES, 0)
      state.set(slot, SLOT.GATEWAY_FAILURES, 0)
    }
    if (wasProbe) this.#probeAnswered(member)
    else if (state.peek(slot, SLOT.EJECTION) !== EJECTION.NONE && !this.#waitsForBody(member))
      this.#workedWhileOut(member)
  }

  /** A request failed before its final headers, or by them. */
  failed(member: T, failure: Failure, wasProbe: boolean): void {
    const { slot } = member
    const options = this.#options
    if (failure === 'gateway' || failure === 'status') {
      // An answer of any status shows that connections work.
      this.#state.set(slot, SLOT.LOCAL_FAILURES, 0)
      // As Envoy: a gateway error counts among the 5xx too, another 5xx ends the run of gateway errors.
      const gateways = failure === 'gateway' ? this.#count(slot, SLOT.GATEWAY_FAILURES) : 0
      if (failure === 'status') this.#state.set(slot, SLOT.GATEWAY_FAILURES, 0)
      const answers = this.#count(slot, SLOT.STATUS_FAILURES)
      const isGateway = failure === 'gateway' && !isOff(CAUSE.GATEWAY, options)
      const cause = isGateway ? CAUSE.GATEWAY : CAUSE.STATUS
      if (wasProbe) this.#probeFailed(member, cause)
      if (reaches(gateways, options.consecutiveGatewayErrors))
        return this.#eject(member, cause, `${gateways} in a row`)
      if (reaches(answers, options.consecutive5xx)) this.#eject(member, CAUSE.STATUS, `${answers} in a row`)
      return
    }
    const run = this.#count(slot, SLOT.LOCAL_FAILURES)
    const tooMany = this.#rate.count(slot, options)
    const cause = failure === 'connect' ? CAUSE.UNREACHABLE : CAUSE.CONNECTION
    if (wasProbe) this.#probeFailed(member, cause)
    if (reaches(run, options.consecutiveLocalOrigin)) this.#eject(member, cause, `${run} in a row`)
    else if (tooMany !== undefined) this.#eject(member, CAUSE.RATE, tooMany)
  }

  /**
   * An answer of 429, or of 503 with `Retry-After`: it ends no run and counts in none. The endpoint answers, so a probe
   * has ended; and for `retryAfterMs`, where that is more than 0, it wants to be left alone. Of a 503 `failed` is told first.
   */
  throttled(member: T, retryAfterMs: number, wasProbe: boolean): void {
    if (wasProbe) this.#probeAnswered(member)
    this.#parking.park(member, retryAfterMs, this.#options.maxParkMs)
  }

  /** A body came whole. Cheap: one load where there is no run to end. */
  bodyComplete(member: T): void {
    const { slot } = member
    if (this.#state.peek(slot, SLOT.BODY_FAILURES) === 0) return
    this.#state.set(slot, SLOT.BODY_FAILURES, 0)
    if (this.#causeOf(member) !== CAUSE.BODIES) return
    if (!this.#states.return(member, EJECTION.PROBE_BODY, 'a body came whole')) this.#workedWhileOut(member)
  }

  /**
   * The endpoint broke a body after it had answered. The run outlives an ejection, since answers do not end it: one that
   * breaks every body gets a single request each time, and no others before that one's body has come or has lasted.
   */
  bodyBroken(member: T): void {
    const run = this.#count(member.slot, SLOT.BODY_FAILURES)
    if (isOff(CAUSE.BODIES, this.#options)) return
    if (this.#states.eject(member, EJECTION.PROBE_BODY, CAUSE.BODIES, 'the body of its probe request broke'))
      return
    if (reaches(run, this.#options.consecutiveBodyFailures))
      this.#eject(member, CAUSE.BODIES, `${run} in a row`)
  }

  /** It answers nothing, while others do. */
  stalled(member: T, wasProbe: boolean): void {
    if (isOff(CAUSE.SILENCE, this.#options)) return
    if (wasProbe) this.#probeFailed(member, CAUSE.SILENCE)
    this.#eject(member, CAUSE.SILENCE, 'requests wait')
  }

  /**
   * The probe request was cancelled by its caller: it says nothing, the next request probes again. But of an endpoint that
   * answered nothing it says that it still does not: else callers with deadlines would go on probing it, one after another.
   */
  probeCancelled(member: T, waitedMs = 0): void {
    if (waitedMs >= SILENT_PROBE_MS && this.#causeOf(member) === CAUSE.SILENCE)
      return this.#probeFailed(member, CAUSE.SILENCE)
    if (this.#states.endProbe(member.slot)) releaseProbe(this.#state, member.slot)
  }

  /**
   * True for exactly one caller while the endpoint waits for its probe.
   * @param mayMove the request can be answered elsewhere where this endpoint does not. After a stall others leave the
   *   probe to such a one for a while: they would wait for all of the headers' time-out.
   */
  claimProbe(member: T, mayMove = true): boolean {
    if (!mayMove && this.#causeOf(member) === CAUSE.SILENCE) {
      const waitsSince = this.#state.getDouble(member.slot, SLOT.EJECTED_UNTIL)
      if (this.#timers.now() - waitsSince < LEAVE_PROBE_MS) return false
    }
    return this.#states.claimProbe(member)
  }

  /** Sees to it that ejections and parking end, also those that other threads have made: called with each new view. */
  watch(): void {
    this.#states.watch()
    this.#parking.watch()
  }

  /**
   * An active check passed. It disproves that nobody can connect. Of other proofs a check that passed all along knows
   * nothing; the first pass of a run ends an ejection for them as well, but for broken bodies and rates of failures, of
   * which a check never knows: there a request probes at once. After 5xx answers it changes nothing.
   */
  checkPassed(member: T): void {
    const cause = this.#causeOf(member)
    if (this.#state.get(member.slot, SLOT.EJECTION) === EJECTION.NONE || !isProof(cause)) return
    if (cause !== CAUSE.UNREACHABLE && this.#state.get(member.slot, SLOT.CHECK_RUN) > FIRST_OF_RUN) return
    if (cause === CAUSE.BODIES || cause === CAUSE.RATE) {
      this.#states.awaitProbe(member, EJECTION.EJECTED, 'an active check passed; one request probes it')
      return
    }
    for (const from of [EJECTION.EJECTED, EJECTION.AWAITING_PROBE])
      if (this.#states.return(member, from, 'an active check passed')) return
  }

  /** Takes an endpoint that leaves the service out of the books. */
  forget(slot: number): void {
    this.#states.forget(slot)
    this.#parking.forget(slot)
  }

  stop(): void {
    this.#states.stop()
    this.#parking.stop()
  }

  #eject(member: T, cause: Cause, why: string): void {
    if (this.#state.get(member.slot, SLOT.EJECTION) !== EJECTION.NONE || !this.#mayEject(cause)) return
    if (this.#states.eject(member, EJECTION.NONE, cause, why)) this.#rate.close(member.slot)
  }

  #probeFailed(member: T, cause: Cause): void {
    this.#states.endProbe(member.slot)
    // Given up, it may still fail: that spares the next probe.
    for (const from of [EJECTION.PROBING, EJECTION.AWAITING_PROBE])
      if (this.#states.eject(member, from, cause, 'its probe request failed')) return
  }

  #probeAnswered(member: T): void {
    this.#states.endProbe(member.slot)
    const waits = this.#waitsForBody(member)
    for (const from of [EJECTION.PROBING, EJECTION.AWAITING_PROBE]) {
      const done = waits
        ? this.#states.awaitBody(member, from)
        : this.#states.return(member, from, 'its probe request was answered')
      if (done) return
    }
  }

  /** Headers prove nothing of an endpoint that was ejected because its bodies broke. */
  #waitsForBody(member: T): boolean {
    return this.#causeOf(member) === CAUSE.BODIES && this.#state.get(member.slot, SLOT.BODY_FAILURES) !== 0
  }

  /**
   * Requests go to endpoints that are out only where nobody else is left (`view/pipeline.ts`). Whoever then serves one is
   * back at once, so that the first to recover need not share the traffic with the dead until its time is over.
   */
  #workedWhileOut(member: T): void {
    const state = this.#state
    const ejection = state.get(member.slot, SLOT.EJECTION)
    if (ejection === EJECTION.NONE || !isProof(this.#causeOf(member))) return
    if (this.#members().some(({ slot }) => isLeft(state, slot))) return
    this.#states.return(member, ejection, 'it served a request while no endpoint was left')
  }

  #mayEject(cause: Cause): boolean {
    const members = this.#members()
    if (members.length < 2) return false
    if (isProof(cause)) return true
    const most = Math.floor((members.length * this.#options.maxEjectionPercent) / 100)
    return members.filter(({ slot }) => isOut(this.#state, slot)).length < Math.max(1, most)
  }

  #count(slot: number, run: number): number {
    return this.#state.add(slot, run, 1) + 1
  }

  #causeOf({ slot }: T): Cause {
    return this.#state.get(slot, SLOT.EJECTION_CAUSE) as Cause
  }
}
