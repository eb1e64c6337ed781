/**
 * The stall rule: an endpoint that accepts requests and answers none of them. Silence alone proves nothing, since a long
 * poll is silent too. So a silent endpoint gets a *trial* first: a real idempotent request is sent there. What answers is
 * silent no more. What has answered nothing for T = `max(5 s, 3 x the service's p99.9)`, while other endpoints answered,
 * and not the last trial either, is stalled. Trials are made after a fifth of T, and each time that the silence has doubled.
 */
import { summarise } from '../../engine/histogram.js'
import { HISTOGRAM_BUCKETS, SLOT, TICKS_PER_MS } from '../../engine/layout.js'
import type { SharedState } from '../../engine/state.js'
import { afterReads } from '../../runtime/after-reads.js'
import type { TimerHandle, Timers } from '../../runtime/timers.js'
import { stateOf } from '../filter.js'
import { EJECTION } from './ejection-words.js'

/** Shortest silence that can be a stall, ms. */
const LEAST_STALL_MS = 5_000
/** Of the silence that is a stall: the first trial is due after it; each next one at twice the silence of the last. */
const FIRST_TRIAL_SHARE = 0.2
/** Of the service's slowest answer in a thousand: a silence as long as this many of them is none of them. */
const SLOWEST_FACTOR = 3
/** Answers of the service without which nobody knows how long they take. */
const LEAST_SAMPLES = 20
/** What a trial is given before it counts as unanswered, ms. */
const TRIAL_WAIT_MS = 250
/** Between two inspections, ms. */
const INSPECTION_MS = 250
/** Between two requests of a thread that go to an endpoint that is not preferred, for comparison, ms. */
const COMPARISON_MS = 1_000
/** Endpoints up to which every inspection looks at all of them; of more, fewer inspections do. */
const QUICK_ENDPOINTS = 10_000
/** For how long what was worked out of the service's latencies holds, ms. */
const MEASURE_AGE_MS = 1_000
/** Endpoints whose latencies make the service's p99.9. */
const SAMPLED_ENDPOINTS = 64

interface Node {
  readonly slot: number
}

/** A request of this thread that waits for its answer and may go elsewhere. In a list of its watch. */
export interface Waiter {
  readonly slot: number
  next: Waiter | undefined
  previous: Waiter | undefined
  /** Goes elsewhere, or goes on waiting where nothing else is to be had. */
  leave(): void
}

/** What is known of an endpoint that is silent just now. */
interface Suspicion<T> {
  readonly member: T
  /** SILENT_SINCE of this silence. */
  readonly since: number
  /** TRIAL_AT, and the answers of the other endpoints when it was first seen. */
  trialAt: number
  othersAtTrial: number
}

/** Of one service, in one thread. Inspects while requests of this thread are unanswered; all that it decides is shared. */
export class StallWatch<T extends Node> {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #members: () => readonly T[]
  readonly #isOn: () => boolean
  readonly #onStall: (member: T, wasProbe: boolean) => void
  readonly #suspicions = new Map<number, Suspicion<T>>()
  #first: Waiter | undefined
  /** Members at the last inspection, and whether requests may wait at endpoints that are none any more. */
  #inspected: readonly T[] = []
  #mayHaveLeft = false
  #unanswered = 0
  #timer: TimerHandle | undefined
  #stopped = false
  /** Silence that is a stall, ms, and when it was worked out. */
  #stallMs = Number.POSITIVE_INFINITY
  #measuredAt = Number.NEGATIVE_INFINITY
  /** When the last request went to an endpoint that is not preferred, ms. */
  #comparedAt = Number.NEGATIVE_INFINITY

  /**
   * @param isOn whether stalls eject; else there are no trials
   * @param onStall the endpoint is to be ejected; it may be out already, by another thread
   */
  constructor(
    state: SharedState,
    timers: Timers,
    members: () => readonly T[],
    isOn: () => boolean,
    onStall: (member: T, wasProbe: boolean) => void,
  ) {
    this.#state = state
    this.#timers = timers
    this.#members = members
    this.#isOn = isOn
    this.#onStall = onStall
  }

  /** A request of this thread was sent on its way. */
  began(): void {
    this.#unanswered++
    if (this.#timer === undefined) this.#schedule()
  }

  /** It was answered, or given up. */
  ended(): void {
    this.#unanswered--
  }

  /** Puts a request into the list of those that may go elsewhere. */
  join(waiter: Waiter): void {
    waiter.next = this.#first
    waiter.previous = undefined
    if (this.#first !== undefined) this.#first.previous = waiter
    this.#first = waiter
  }

  /** Takes it out again. Once: a waiter that is in no list must not be given. */
  withdraw(waiter: Waiter): void {
    if (waiter.previous === undefined) this.#first = waiter.next
    else waiter.previous.next = waiter.next
    if (waiter.next !== undefined) waiter.next.previous = waiter.previous
    waiter.next = undefined
    waiter.previous = undefined
  }

  /** Whether an idempotent request should ask `claimTrial`. */
  get suspects(): boolean {
    return this.#suspicions.size !== 0
  }

  /**
   * An endpoint to try, for exactly one caller over all threads; undefined where no trial is due.
   * @param isUsable whether the request may go there
   */
  claimTrial(isUsable: (member: T) => boolean): T | undefined {
    const ticks = ticksOf(this.#state.core.now())
    for (const { member, since } of this.#suspicions.values()) {
      const { slot } = member
      if (stateOf(this.#state, slot) !== 'ready' || !isUsable(member)) continue
      if (this.#state.get(slot, SLOT.SILENT_SINCE) !== since || this.#state.unanswered(slot) === 0) continue
      const triedAt = this.#state.get(slot, SLOT.TRIAL_AT)
      const silenceAtTrial = isSince(triedAt, since) ? elapsedMs(triedAt, since) : 0
      const dueMs = Math.max(FIRST_TRIAL_SHARE * this.#stallMs, 2 * silenceAtTrial)
      if (elapsedMs(ticks, since) < dueMs) continue
      if (this.#state.exchange(slot, SLOT.TRIAL_AT, triedAt, ticks | 1)) return member
    }
    return undefined
  }

  /** Whether a request should go to an endpoint that is not among `preferred`, since all of those are silent. */
  claimComparison(preferred: readonly T[]): boolean {
    if (this.#suspicions.size < preferred.length || preferred.length === 0) return false
    const now = this.#state.core.now()
    if (now - this.#comparedAt < COMPARISON_MS) return false
    const ticks = ticksOf(now)
    const isSilent = ({ slot }: T): boolean => {
      const since = this.#suspicions.get(slot)?.since
      if (since === undefined || this.#state.get(slot, SLOT.SILENT_SINCE) !== since) return false
      return elapsedMs(ticks, since) >= this.#stallMs && this.#state.unanswered(slot) > 0
    }
    if (!preferred.every(isSilent)) return false
    this.#comparedAt = now
    return true
  }

  /** A trial was given up: where that was before it could say anything, another one may be made at once. */
  trialCancelled({ slot }: T, waitedMs: number): void {
    if (waitedMs < TRIAL_WAIT_MS) this.#state.set(slot, SLOT.TRIAL_AT, 0)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#suspicions.clear()
  }

  #schedule(): void {
    if (this.#stopped) return
    const pace = Math.max(1, this.#members().length / QUICK_ENDPOINTS)
    this.#timer = this.#timers.after(INSPECTION_MS * pace, () => {
      // Where this thread's event loop was held, answers may lie there. In a simulation nothing does.
      if (this.#timers.simulated === undefined) afterReads(() => this.#inspect())
      else this.#inspect()
    })
  }

  #inspect(): void {
    this.#timer = undefined
    if (this.#stopped) return
    if (this.#unanswered > 0 && this.#isOn()) this.#inspectEndpoints()
    else this.#suspicions.clear()
    if (this.#unanswered > 0) this.#schedule()
  }

  #inspectEndpoints(): void {
    const members = this.#members()
    const now = this.#state.core.now()
    const ticks = ticksOf(now)
    for (const member of members) {
      const { slot } = member
      const since = this.#state.peek(slot, SLOT.SILENT_SINCE)
      const silence = since === 0 ? 0 : elapsedMs(ticks, since)
      if (
        silence < FIRST_TRIAL_SHARE * LEAST_STALL_MS - INSPECTION_MS ||
        this.#state.unanswered(slot) === 0
      ) {
        if (this.#suspicions.size !== 0) this.#suspicions.delete(slot)
        continue
      }
      if (now - this.#measuredAt >= MEASURE_AGE_MS) this.#measure(members, now)
      const suspicion = this.#suspect(member, since)
      if (silence >= this.#stallMs) this.#judge(suspicion, ticks)
    }
    for (const [slot, { member }] of this.#suspicions)
      if (!members.includes(member)) this.#suspicions.delete(slot)
    // The list is swapped whole. There may be a hundred thousand that wait, and nobody has left.
    if (members !== this.#inspected) this.#mayHaveLeft = true
    this.#inspected = members
    if (this.#mayHaveLeft) this.#releaseFromLeft(members, now)
  }

  /** An endpoint that has left is not judged any more. Requests that wait there, and that it does not answer, go elsewhere. */
  #releaseFromLeft(members: readonly T[], now: number): void {
    const slots = new Set(members.map(({ slot }) => slot))
    this.#mayHaveLeft = false
    for (let waiter = this.#first; waiter !== undefined; ) {
      const { next, slot } = waiter
      if (!slots.has(slot)) {
        this.#mayHaveLeft = true
        if (now - this.#measuredAt >= MEASURE_AGE_MS) this.#measure(members, now)
        const since = this.#state.peek(slot, SLOT.SILENT_SINCE)
        if (since !== 0 && elapsedMs(ticksOf(now), since) >= this.#stallMs) waiter.leave()
      }
      waiter = next
    }
  }

  #suspect(member: T, since: number): Suspicion<T> {
    let suspicion = this.#suspicions.get(member.slot)
    if (suspicion?.since !== since) {
      suspicion = { member, since, trialAt: 0, othersAtTrial: 0 }
      this.#suspicions.set(member.slot, suspicion)
    }
    const triedAt = this.#state.get(member.slot, SLOT.TRIAL_AT)
    if (triedAt === 0) suspicion.trialAt = 0
    if (triedAt !== suspicion.trialAt && isSince(triedAt, since)) {
      suspicion.trialAt = triedAt
      suspicion.othersAtTrial = this.#answersOfOthers(member)
    }
    return suspicion
  }

  /** The silence is long enough; a probe request is a trial of its own. */
  #judge(suspicion: Suspicion<T>, ticks: number): void {
    const { member, trialAt, othersAtTrial } = suspicion
    const { slot } = member
    const ejection = this.#state.get(slot, SLOT.EJECTION)
    if (ejection === EJECTION.NONE) {
      if (trialAt === 0 || elapsedMs(ticks, trialAt) < TRIAL_WAIT_MS) return
      if (this.#answersOfOthers(member) <= othersAtTrial) return
      this.#onStall(member, false)
    } else if (ejection === EJECTION.PROBING) {
      // Others may have waited there for long; the probe has its own time.
      if (this.#state.core.now() - this.#state.getDouble(slot, SLOT.PROBE_SINCE) < this.#stallMs) return
      this.#onStall(member, true)
    }
    this.#release(slot)
  }

  /** Requests of this thread that wait at an endpoint that is out go elsewhere. */
  #release(slot: number): void {
    if (this.#state.get(slot, SLOT.EJECTION) === EJECTION.NONE) return
    for (let waiter = this.#first; waiter !== undefined; ) {
      const { next } = waiter
      if (waiter.slot === slot) waiter.leave()
      waiter = next
    }
  }

  /** Endless while too few answers are known. */
  #measure(members: readonly T[], now: number): void {
    const latencies = new Float64Array(HISTOGRAM_BUCKETS)
    for (let i = 0; i < members.length && i < SAMPLED_ENDPOINTS; i++)
      this.#state.addHistogram(members[i].slot, latencies)
    const { count, p999 } = summarise(latencies)
    this.#stallMs =
      count < LEAST_SAMPLES ? Number.POSITIVE_INFINITY : Math.max(LEAST_STALL_MS, SLOWEST_FACTOR * p999)
    this.#measuredAt = now
  }

  #answersOfOthers(member: T): number {
    let sum = 0
    for (const { slot } of this.#members())
      if (slot !== member.slot) sum += this.#state.total(slot, SLOT.SUCCEEDED)
    return sum
  }
}

const ticksOf = (now: number): number => (now * TICKS_PER_MS) | 0

const elapsedMs = (to: number, from: number): number => ((to - from) | 0) / TICKS_PER_MS

/** Whether a trial was made in the silence that began at `since`. */
const isSince = (triedAt: number, since: number): boolean => triedAt !== 0 && ((triedAt - since) | 0) >= 0
