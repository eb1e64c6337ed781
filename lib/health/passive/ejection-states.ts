import { SLOT } from '../../engine/layout.js'
import type { SharedState } from '../../engine/state.js'
import type { Endpoint } from '../../model/index.js'
import type { TimerHandle, Timers } from '../../runtime/timers.js'
import type { Check } from '../active/check.js'
import { nextEjections } from './backoff.js'
import { backoffOf } from './by-cause.js'
import { CAUSE, CAUSE_WORDS, type Cause, EJECTION } from './ejection-words.js'
import type { EjectionOptions } from './options.js'
import { Reconnection } from './reconnect.js'

export type EjectionChange = 'ejected' | 'probing' | 'returned'

export interface EjectableNode {
  readonly slot: number
  readonly endpoint: Endpoint
}

/** What ejection has of its service. */
export interface EjectionHost<T> {
  members(): readonly T[]
  changed(member: T, change: EjectionChange, why: string): void
  /** Whether this thread runs the control loops. */
  leads(): boolean
}

/** A probe request that has no answer after this long, in ms, is given up for another one, whoever holds its lease. */
export const LONGEST_PROBE_MS = 30_000
/** A probe's body that has not broken after this long, in ms, is taken to be well: it may be a stream without an end. */
export const PROBE_BODY_MS = 5_000
/** Another thread that sees a state may see it before its end is written: nobody acts on that end sooner than this, in ms. */
const LEAST_WAIT_MS = 1

/**
 * The states of ejected endpoints, and the timers that lead from one to the next:
 *
 *   in -> ejected -> awaits its probe -> probing (-> waits for the probe's body) -> in, or ejected for longer
 *
 * All of it stands in the slots, which threads may share. Each step is one exchange of `SLOT.EJECTION`: the thread that
 * wins it writes the words beside it (`EJECTED_UNTIL`, `EJECTIONS`, `EJECTION_CAUSE`, `PROBE_SINCE`), then has every thread
 * look (`FILTER_EPOCH`). Every thread that has seen a state ends it when its time is up; one exchange has one winner.
 */
export class EjectionStates<T extends EjectableNode> {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #host: EjectionHost<T>
  readonly #pending = new Map<number, { readonly at: number; readonly timer: TimerHandle }>()
  readonly #reconnection: Reconnection
  /** When this thread's probes of a slot began whose requests have not ended, in order. */
  readonly #probes = new Map<number, number[]>()
  #stopped = false
  options: EjectionOptions

  constructor(
    state: SharedState,
    options: EjectionOptions,
    timers: Timers,
    host: EjectionHost<T>,
    connect: Check,
  ) {
    this.#state = state
    this.options = options
    this.#timers = timers
    this.#host = host
    this.#reconnection = new Reconnection(timers, connect)
  }

  /** Takes an endpoint out. False where it was not in the state `from`. */
  eject(member: T, from: number, cause: Cause, why: string): boolean {
    const { slot } = member
    const state = this.#state
    // Its last requests may fail after it has left: nobody would ever cancel its timers, nor stop knocking at it.
    if (state.get(slot, SLOT.EJECTION) !== from || !this.#host.members().includes(member)) return false
    if (!state.exchange(slot, SLOT.EJECTION, from, EJECTION.EJECTED)) return false
    const now = this.#timers.now()
    const { baseMs, maxMs, forgetMs, ejectionMs } = backoffOf(cause, this.options)
    // EJECTED_UNTIL holds the time of return while the endpoint is in.
    const quietMs = from === EJECTION.NONE ? now - state.getDouble(slot, SLOT.EJECTED_UNTIL) : 0
    const past = state.get(slot, SLOT.EJECTIONS)
    const ejections = nextEjections(past, quietMs, baseMs, maxMs, ejectionMs, forgetMs)
    const duration = ejectionMs(ejections, baseMs, maxMs)
    state.setDouble(slot, SLOT.EJECTED_UNTIL, now + duration)
    state.set(slot, SLOT.EJECTIONS, ejections)
    state.set(slot, SLOT.EJECTION_CAUSE, cause)
    this.#changed(member, 'ejected', `${CAUSE_WORDS[cause]}: ${why}; out for ${duration} ms`)
    return true
  }

  /** Brings an endpoint back. False where it was not in the state `from`. */
  return(member: T, from: number, why: string): boolean {
    const { slot } = member
    const state = this.#state
    if (!state.exchange(slot, SLOT.EJECTION, from, EJECTION.NONE)) return false
    // Not the run of broken bodies: only a whole one ends it.
    state.set(slot, SLOT.LOCAL_FAILURES, 0)
    state.set(slot, SLOT.STATUS_FAILURES, 0)
    state.set(slot, SLOT.GATEWAY_FAILURES, 0)
    state.setDouble(slot, SLOT.EJECTED_UNTIL, this.#timers.now())
    state.setDouble(slot, SLOT.READY_SINCE, state.core.now())
    this.#changed(member, 'returned', why)
    return true
  }

  /** The next request may probe it. False where it was not in the state `from`. */
  awaitProbe(member: T, from: number, why: string): boolean {
    if (!this.#state.exchange(member.slot, SLOT.EJECTION, from, EJECTION.AWAITING_PROBE)) return false
    this.#changed(member, 'probing', why)
    return true
  }

  /** Its probe was answered; it is back when the body is whole, or has lasted. False where it was not in the state `from`. */
  awaitBody(member: T, from: number): boolean {
    const { slot } = member
    const state = this.#state
    if (!state.exchange(slot, SLOT.EJECTION, from, EJECTION.PROBE_BODY)) return false
    state.setDouble(slot, SLOT.EJECTED_UNTIL, this.#timers.now() + PROBE_BODY_MS)
    this.#forgetTimers(slot)
    this.#watchMember(member)
    state.touchFilter(state.get(slot, SLOT.SERVICE))
    return true
  }

  /** True for exactly one caller while the endpoint waits for its probe. */
  claimProbe(member: T): boolean {
    const { slot } = member
    const state = this.#state
    if (state.get(slot, SLOT.EJECTION) !== EJECTION.AWAITING_PROBE) return false
    // Marked first: should this thread end right after the exchange, the probe is known to be its.
    state.holdProbe(slot, true)
    if (!state.exchange(slot, SLOT.EJECTION, EJECTION.AWAITING_PROBE, EJECTION.PROBING)) {
      if (!this.#probes.has(slot)) state.holdProbe(slot, false)
      return false
    }
    const since = this.#timers.now()
    state.setDouble(slot, SLOT.PROBE_SINCE, since)
    this.#probes.set(slot, [...(this.#probes.get(slot) ?? []), since])
    this.#watchMember(member)
    state.touchFilter(state.get(slot, SLOT.SERVICE))
    return true
  }

  /**
   * A probe request of this thread's has ended. Whether it was the one under way: it may have been given up for another
   * one. Of several in this thread the first to end is taken for the oldest; where that is wrong, the newest counts as
   * under way until its longest time is over.
   */
  endProbe(slot: number): boolean {
    const own = this.#probes.get(slot)
    const since = own?.shift()
    if (own === undefined || own.length === 0) {
      this.#probes.delete(slot)
      this.#state.holdProbe(slot, false)
    }
    return since !== undefined && since === this.#state.getDouble(slot, SLOT.PROBE_SINCE)
  }

  /** Sees to it that every state with an end comes to it, also where another thread has made it. */
  watch(): void {
    for (const member of this.#host.members()) {
      if (this.#state.peek(member.slot, SLOT.EJECTION) !== EJECTION.NONE) this.#watchMember(member)
    }
  }

  /** Takes an endpoint that leaves the service out of the books. */
  forget(slot: number): void {
    this.#forgetTimers(slot)
    this.#probes.delete(slot)
  }

  stop(): void {
    this.#stopped = true
    for (const { timer } of this.#pending.values()) timer.cancel()
    this.#pending.clear()
    this.#reconnection.stop()
  }

  #watchMember(member: T): void {
    const { slot } = member
    const at = this.#endOfState(slot)
    if (this.#stopped || at === undefined) return
    this.#reconnect(member)
    const pending = this.#pending.get(slot)
    if (pending !== undefined && pending.at <= at) return
    pending?.timer.cancel()
    const timer = this.#timers.after(Math.max(LEAST_WAIT_MS, at - this.#timers.now()), () => {
      this.#pending.delete(slot)
      // The state may be another one by now, or its end may have been written after it.
      const end = this.#endOfState(slot)
      if (end === undefined) return
      if (end > this.#timers.now()) this.#watchMember(member)
      else this.#leaveState(member)
    })
    this.#pending.set(slot, { at, timer })
  }

  /** When the slot's state ends by itself; undefined where it does not. */
  #endOfState(slot: number): number | undefined {
    const ejection = this.#state.get(slot, SLOT.EJECTION)
    if (ejection === EJECTION.EJECTED || ejection === EJECTION.PROBE_BODY)
      return this.#state.getDouble(slot, SLOT.EJECTED_UNTIL)
    if (ejection === EJECTION.PROBING) return this.#state.getDouble(slot, SLOT.PROBE_SINCE) + LONGEST_PROBE_MS
    return undefined
  }

  #leaveState(member: T): void {
    const ejection = this.#state.get(member.slot, SLOT.EJECTION)
    if (ejection === EJECTION.EJECTED)
      this.awaitProbe(member, ejection, 'its ejection is over; one request probes it')
    else if (ejection === EJECTION.PROBING)
      this.awaitProbe(member, ejection, 'its probe request was not answered; another one probes it')
    else if (ejection === EJECTION.PROBE_BODY) this.return(member, ejection, 'its probe request was answered')
  }

  /** The leader tries whether an endpoint that nobody could connect to accepts connections again. */
  #reconnect(member: T): void {
    const { slot, endpoint } = member
    const { reconnectMs } = this.options
    const isOut = () => this.#host.leads() && this.#state.get(slot, SLOT.EJECTION) === EJECTION.EJECTED
    if (this.#state.get(slot, SLOT.EJECTION_CAUSE) !== CAUSE.UNREACHABLE || reconnectMs === 0) return
    if (this.#reconnection.isWatched(slot) || !isOut()) return
    this.#reconnection.watch(slot, endpoint, reconnectMs, isOut, () => {
      this.awaitProbe(member, EJECTION.EJECTED, 'it accepts connections again; one request probes it')
    })
  }

  #forgetTimers(slot: number): void {
    this.#pending.get(slot)?.timer.cancel()
    this.#pending.delete(slot)
    this.#reconnection.forget(slot)
  }

  /** Its words are written: timers for them, a look from every thread, and word of it to users. */
  #changed(member: T, change: EjectionChange, why: string): void {
    this.#forgetTimers(member.slot)
    this.#watchMember(member)
    this.#state.touchFilter(this.#state.get(member.slot, SLOT.SERVICE))
    this.#host.changed(member, change, why)
  }
}

/** The slot's probe request came to nothing, or its thread has ended: the next request probes. */
export function releaseProbe(state: SharedState, slot: number): void {
  if (state.exchange(slot, SLOT.EJECTION, EJECTION.PROBING, EJECTION.AWAITING_PROBE))
    state.touchFilter(state.get(slot, SLOT.SERVICE))
}
