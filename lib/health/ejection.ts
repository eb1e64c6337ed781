import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { Endpoint } from '../model.js'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { connectionEjectionMs, nextEjections, statusEjectionMs } from './backoff.js'
import type { Check } from './check.js'
import { EJECTION, HEALTH } from './filter.js'
import { Reconnection } from './reconnect.js'
import { tcpCheck } from './tcp-check.js'

/** Passive detection: what real requests say about an endpoint. All in ms and counts; 0 turns a threshold off. */
export interface EjectionOptions {
  readonly consecutiveLocalOrigin: number
  readonly consecutive5xx: number
  readonly baseConnectEjectionMs: number
  readonly maxConnectEjectionMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  readonly maxEjectionPercent: number
  /** Wait between two attempts to connect to an endpoint that was ejected because nobody could; 0: none. */
  readonly reconnectMs: number
}

/** Nothing is ever ejected. */
export const EJECTION_OFF: EjectionOptions = {
  consecutiveLocalOrigin: 0,
  consecutive5xx: 0,
  baseConnectEjectionMs: 0,
  maxConnectEjectionMs: 0,
  baseEjectionMs: 0,
  maxEjectionMs: 0,
  maxEjectionPercent: 0,
  reconnectMs: 0,
}

export type EjectionChange = 'ejected' | 'probing' | 'returned'
/** `connect`: no connection at all. `local-origin`: it was lost, or too slow. `status`: an answer of 5xx. */
export type Failure = 'connect' | 'local-origin' | 'gateway' | 'status'
interface Node {
  readonly slot: number
  readonly endpoint: Endpoint
}

const CAUSE = { NONE: 0, CONNECTION: 1, STATUS: 2, UNREACHABLE: 3 } as const
const CAUSE_WORDS = ['', 'connection failures', '5xx answers', 'connection failures']
const CAUSE_OF: Readonly<Record<Failure, number>> = {
  connect: CAUSE.UNREACHABLE,
  'local-origin': CAUSE.CONNECTION,
  gateway: CAUSE.STATUS,
  status: CAUSE.STATUS,
}

/** Another thread that sees an ejection may see it before its end is written: nobody acts on that end sooner than this, in ms. */
const LEAST_WAIT_MS = 1

/**
 * Ejects endpoints after failures in a row, for a time that grows with each ejection. When it is over, the endpoint
 * waits for one request that probes it: `claimProbe` gives the probe to exactly one caller; if that request succeeds
 * the endpoint is back, if it fails it is ejected for longer.
 *
 * Connection failures eject as many as fail; the panic threshold is their bound, since a dead endpoint cannot take
 * load off the others anyway. 5xx answers eject at most `maxEjectionPercent`, at least one where two or more are left.
 *
 * All of it stands in the slots, which threads may share. Any thread may end an ejection whose time is up; knocking at
 * endpoints that nobody could connect to is for the one that leads.
 */
export class Ejection<T extends Node> {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #members: () => readonly T[]
  readonly #onChange: (member: T, change: EjectionChange, why: string) => void
  readonly #pending = new Map<number, TimerHandle>()
  readonly #reconnection: Reconnection
  readonly #leads: () => boolean
  #options: EjectionOptions
  #stopped = false

  constructor(
    state: SharedState,
    options: EjectionOptions,
    timers: Timers,
    members: () => readonly T[],
    onChange: (member: T, change: EjectionChange, why: string) => void,
    leads: () => boolean = () => true,
    connect: Check = timers.simulated?.check ?? tcpCheck,
  ) {
    this.#state = state
    this.#options = options
    this.#timers = timers
    this.#members = members
    this.#onChange = onChange
    this.#leads = leads
    this.#reconnection = new Reconnection(timers, connect)
  }

  configure(options: EjectionOptions): void {
    this.#options = options
  }

  /** Options that eject nobody bring back those that are out. For the thread that has made the change. */
  writeSettings(): void {
    const options = this.#options
    if (options.consecutiveLocalOrigin !== 0 || options.consecutive5xx !== 0) return
    for (const member of this.#members()) {
      const ejection = this.#state.get(member.slot, SLOT.EJECTION)
      if (ejection !== EJECTION.NONE) this.#return(member, ejection, 'outlier detection was turned off')
    }
  }

  /** A request ended well. Cheap: three loads where there is nothing to change. */
  succeeded(member: T, wasProbe: boolean): void {
    const { slot } = member
    const state = this.#state
    if (state.peek(slot, SLOT.LOCAL_FAILURES) !== 0) state.set(slot, SLOT.LOCAL_FAILURES, 0)
    if (state.peek(slot, SLOT.STATUS_FAILURES) !== 0) state.set(slot, SLOT.STATUS_FAILURES, 0)
    if (!wasProbe) return
    state.holdProbe(slot, false)
    this.#return(member, EJECTION.PROBING, 'its probe request succeeded')
  }

  failed(member: T, failure: Failure, wasProbe: boolean): void {
    const { slot } = member
    const state = this.#state
    // An answer of any status shows that connections work.
    if (failure === 'status') state.set(slot, SLOT.LOCAL_FAILURES, 0)
    const field = failure === 'status' ? SLOT.STATUS_FAILURES : SLOT.LOCAL_FAILURES
    const threshold =
      failure === 'status' ? this.#options.consecutive5xx : this.#options.consecutiveLocalOrigin
    const run = state.add(slot, field, 1) + 1
    if (wasProbe) state.holdProbe(slot, false)
    if (wasProbe) this.#eject(member, EJECTION.PROBING, failure, 'its probe request failed')
    else if (threshold > 0 && run >= threshold) this.#eject(member, EJECTION.NONE, failure, `${run} in a row`)
  }

  throttled(member: T, _pauseMs: number, wasProbe: boolean): void {
    if (wasProbe) this.succeeded(member, true)
  }

  bodyComplete(_member: T): void {}

  bodyBroken(_member: T): void {}

  stalled(member: T, wasProbe: boolean): void {
    this.#eject(member, wasProbe ? EJECTION.PROBING : EJECTION.NONE, 'local-origin', 'no answers')
  }

  /** The probe request was cancelled by its caller: it says nothing, the next request probes again. */
  probeCancelled({ slot }: T): void {
    this.#state.holdProbe(slot, false)
    releaseProbe(this.#state, slot)
  }

  /** True for exactly one caller while the endpoint waits for its probe. */
  claimProbe({ slot }: T): boolean {
    if (this.#state.get(slot, SLOT.EJECTION) !== EJECTION.AWAITING_PROBE) return false
    // Marked first: should this thread end right after the exchange, the probe is known to be its.
    this.#state.holdProbe(slot, true)
    const claimed = this.#state.exchange(slot, SLOT.EJECTION, EJECTION.AWAITING_PROBE, EJECTION.PROBING)
    if (claimed) this.#state.touchFilter(this.#state.get(slot, SLOT.SERVICE))
    else this.#state.holdProbe(slot, false)
    return claimed
  }

  /** Sees to it that ejections end, also those that other threads have made: called with each new view of the service. */
  watch(): void {
    if (this.#stopped) return
    const { reconnectMs } = this.#options
    const knocks = reconnectMs > 0 && this.#leads()
    for (const member of this.#members()) {
      const { slot, endpoint } = member
      if (this.#state.get(slot, SLOT.EJECTION) !== EJECTION.EJECTED) continue
      if (!this.#pending.has(slot)) this.#schedule(member)
      const cause = this.#state.get(slot, SLOT.EJECTION_CAUSE)
      if (!knocks || cause !== CAUSE.UNREACHABLE || this.#reconnection.isWatched(slot)) continue
      const isOut = () => this.#leads() && this.#state.get(slot, SLOT.EJECTION) === EJECTION.EJECTED
      this.#reconnection.watch(slot, endpoint, reconnectMs, isOut, () => {
        this.#awaitProbe(member, 'it accepts connections again; one request probes it')
      })
    }
  }

  /** An active check passed: an ejection for connection failures ends at once, one for 5xx answers does not. */
  checkPassed(member: T): void {
    const { slot } = member
    if (
      this.#state.get(slot, SLOT.EJECTION) === EJECTION.NONE ||
      this.#state.get(slot, SLOT.EJECTION_CAUSE) === CAUSE.STATUS
    )
      return
    for (const from of [EJECTION.EJECTED, EJECTION.AWAITING_PROBE]) {
      if (this.#return(member, from, 'an active check passed')) return
    }
  }

  /** Takes an endpoint that leaves the service out of the books. */
  forget(slot: number): void {
    this.#pending.get(slot)?.cancel()
    this.#pending.delete(slot)
    this.#reconnection.forget(slot)
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#pending.values()) timer.cancel()
    this.#pending.clear()
    this.#reconnection.stop()
  }

  #eject(member: T, from: number, failure: Failure, why: string): void {
    const { slot } = member
    const state = this.#state
    // Its last requests may fail after it has left: nobody would ever cancel its timers, nor stop knocking at it.
    if (!this.#members().includes(member)) return
    if (from === EJECTION.NONE && !this.#mayEject(failure)) return
    if (!state.exchange(slot, SLOT.EJECTION, from, EJECTION.EJECTED)) return
    const now = this.#timers.now()
    const options = this.#options
    const [base, max, ejectionMs] =
      failure === 'status'
        ? ([options.baseEjectionMs, options.maxEjectionMs, statusEjectionMs] as const)
        : ([options.baseConnectEjectionMs, options.maxConnectEjectionMs, connectionEjectionMs] as const)
    // EJECTED_UNTIL holds the time of return while the endpoint is in.
    const quietMs = from === EJECTION.NONE ? now - state.getDouble(slot, SLOT.EJECTED_UNTIL) : 0
    const ejections = nextEjections(state.get(slot, SLOT.EJECTIONS), quietMs, base, max, ejectionMs)
    const duration = ejectionMs(ejections, base, max)
    const cause = CAUSE_OF[failure]
    state.setDouble(slot, SLOT.EJECTED_UNTIL, now + duration)
    state.set(slot, SLOT.EJECTIONS, ejections)
    state.set(slot, SLOT.EJECTION_CAUSE, cause)
    this.forget(slot)
    this.watch()
    this.#changed(member, 'ejected', `${CAUSE_WORDS[cause]}: ${why}; out for ${duration} ms`)
  }

  #schedule(member: T): void {
    const { slot } = member
    const restMs = this.#state.getDouble(slot, SLOT.EJECTED_UNTIL) - this.#timers.now()
    const timer = this.#timers.after(Math.max(LEAST_WAIT_MS, restMs), () => {
      this.#pending.delete(slot)
      if (this.#state.get(slot, SLOT.EJECTION) !== EJECTION.EJECTED) return
      if (this.#state.getDouble(slot, SLOT.EJECTED_UNTIL) > this.#timers.now()) this.#schedule(member)
      else this.#awaitProbe(member, 'its ejection is over; one request probes it')
    })
    this.#pending.set(slot, timer)
  }

  #awaitProbe(member: T, why: string): void {
    this.forget(member.slot)
    if (this.#state.exchange(member.slot, SLOT.EJECTION, EJECTION.EJECTED, EJECTION.AWAITING_PROBE)) {
      this.#changed(member, 'probing', why)
    }
  }

  #return(member: T, from: number, why: string): boolean {
    const { slot } = member
    const state = this.#state
    if (!state.exchange(slot, SLOT.EJECTION, from, EJECTION.NONE)) return false
    this.forget(slot)
    state.set(slot, SLOT.LOCAL_FAILURES, 0)
    state.set(slot, SLOT.STATUS_FAILURES, 0)
    state.setDouble(slot, SLOT.EJECTED_UNTIL, this.#timers.now())
    state.setDouble(slot, SLOT.READY_SINCE, state.core.now())
    this.#changed(member, 'returned', why)
    return true
  }

  #mayEject(failure: Failure): boolean {
    const members = this.#members()
    if (members.length < 2) return false
    if (failure !== 'status') return true
    let out = 0
    for (const { slot } of members) {
      if (
        this.#state.get(slot, SLOT.EJECTION) !== EJECTION.NONE ||
        this.#state.get(slot, SLOT.HEALTH) === HEALTH.UNHEALTHY
      )
        out++
    }
    return out < Math.max(1, Math.floor((members.length * this.#options.maxEjectionPercent) / 100))
  }

  #changed(member: T, change: EjectionChange, why: string): void {
    this.#state.touchFilter(this.#state.get(member.slot, SLOT.SERVICE))
    this.#onChange(member, change, why)
  }
}

/** The slot's probe request came to nothing, or its thread has ended: the next request probes. */
export function releaseProbe(state: SharedState, slot: number): void {
  if (state.exchange(slot, SLOT.EJECTION, EJECTION.PROBING, EJECTION.AWAITING_PROBE))
    state.touchFilter(state.get(slot, SLOT.SERVICE))
}
