import { SLOT } from '../../engine/layout.js'
import type { SharedState } from '../../engine/state.js'
import type { TimerHandle, Timers } from '../../runtime/timers.js'
import { isOpen, isParked } from '../filter.js'

interface Node {
  readonly slot: number
}

/** Of the endpoints that the operator lets take requests, at most one in so many is parked at once. */
const PARKED_ONE_IN = 2

/**
 * Endpoints that asked to be left alone (`Retry-After`) get no requests for that time, as long as anybody else is well.
 * They count as healthy: nothing failed.
 *
 * `SLOT.PARKED_UNTIL` is written by the thread that was told, and set to zero by the first thread that sees the time
 * over. Threads that park different endpoints at the same moment may together park one more than half, each.
 */
export class Parking<T extends Node> {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #members: () => readonly T[]
  readonly #onChange: (member: T, change: 'parked' | 'returned', why: string) => void
  readonly #pending = new Map<number, TimerHandle>()
  #stopped = false

  constructor(
    state: SharedState,
    timers: Timers,
    members: () => readonly T[],
    onChange: (member: T, change: 'parked' | 'returned', why: string) => void,
  ) {
    this.#state = state
    this.#timers = timers
    this.#members = members
    this.#onChange = onChange
  }

  /** @param maxMs the longest time; 0: nobody is parked */
  park(member: T, askedMs: number, maxMs: number): void {
    const { slot } = member
    const state = this.#state
    const ms = Math.min(askedMs, maxMs)
    if (!(ms > 0) || !this.#members().includes(member)) return
    const until = this.#timers.now() + ms
    const before = state.getDouble(slot, SLOT.PARKED_UNTIL)
    if (before >= until || (before === 0 && !this.#mayPark(slot))) return
    state.setDouble(slot, SLOT.PARKED_UNTIL, until)
    this.#watchMember(member)
    if (before === 0) this.#changed(member, 'parked', `it asked to be left alone for ${ms} ms`)
  }

  /** Sees to it that parking ends, also where another thread has parked. */
  watch(): void {
    for (const member of this.#members()) if (isParked(this.#state, member.slot)) this.#watchMember(member)
  }

  endAll(why: string): void {
    for (const member of this.#members()) if (isParked(this.#state, member.slot)) this.#end(member, why)
  }

  forget(slot: number): void {
    this.#pending.get(slot)?.cancel()
    this.#pending.delete(slot)
  }

  stop(): void {
    this.#stopped = true
    for (const slot of [...this.#pending.keys()]) this.forget(slot)
  }

  #mayPark(slot: number): boolean {
    const state = this.#state
    if (!isOpen(state, slot)) return false
    let open = 0
    let parked = 0
    for (const other of this.#members()) {
      if (!isOpen(state, other.slot)) continue
      open++
      if (isParked(state, other.slot)) parked++
    }
    return parked < Math.floor(open / PARKED_ONE_IN)
  }

  #watchMember(member: T): void {
    const { slot } = member
    if (this.#stopped || this.#pending.has(slot)) return
    const restMs = this.#state.getDouble(slot, SLOT.PARKED_UNTIL) - this.#timers.now()
    const timer = this.#timers.after(Math.max(0, restMs), () => {
      this.#pending.delete(slot)
      if (!isParked(this.#state, slot)) return
      if (this.#state.getDouble(slot, SLOT.PARKED_UNTIL) > this.#timers.now()) this.#watchMember(member)
      else this.#end(member, 'the time that it asked for is over')
    })
    this.#pending.set(slot, timer)
  }

  #end(member: T, why: string): void {
    this.forget(member.slot)
    this.#state.setDouble(member.slot, SLOT.PARKED_UNTIL, 0)
    this.#changed(member, 'returned', why)
  }

  #changed(member: T, change: 'parked' | 'returned', why: string): void {
    this.#state.touchFilter(this.#state.get(member.slot, SLOT.SERVICE))
    this.#onChange(member, change, why)
  }
}
