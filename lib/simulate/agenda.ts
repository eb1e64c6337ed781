import type { TimerHandle } from '../runtime/timers.js'
import { EventQueue } from './events.js'
import { START_MS } from './machine.js'

/** The kind of event that belongs to a timer; those above it are the run's own. */
const TIMER = 0
/** Fewer cancelled timers than that may stay among the events. */
const FEW = 1_024

/** Simulated time, and what is going to happen in it. */
export class Agenda {
  readonly #events = new EventQueue()
  readonly #timers = new Map<number, () => void>()
  #timersSet = 0
  /** Timers that were cancelled, and are among the events yet. */
  #cancelled = 0
  #now = START_MS

  /** ms on the balancers' clock. */
  get now(): number {
    return this.#now
  }

  /** ms since the simulation began. */
  readonly elapsed = (): number => this.#now - START_MS

  /** Events that are kept, those of cancelled timers included. */
  get length(): number {
    return this.#events.size
  }

  /** An event of the run's, of a kind above 0. */
  push(time: number, kind: number, subject: number): void {
    this.#events.push(time, kind, subject)
  }

  /** Runs `fn` at a time, or now where that is over. */
  at(time: number, fn: () => void): TimerHandle {
    const id = this.#timersSet++ & 0x7fffffff
    this.#timers.set(id, fn)
    this.#events.push(Math.max(time, this.#now), TIMER, id)
    return { cancel: () => this.#cancel(id) }
  }

  /** A request that waits has a timer, of an hour perhaps, and waits a moment: what is cancelled must not pile up. */
  #cancel(id: number): void {
    if (!this.#timers.delete(id)) return
    this.#cancelled++
    if (this.#cancelled < FEW || this.#cancelled < this.#events.size / 2) return
    this.#events.retain((kind, subject) => kind !== TIMER || this.#timers.has(subject))
    this.#cancelled = 0
  }

  /** Moves time on to the next event. Timers run here; what is the run's own goes to `handle`. */
  next(handle: (kind: number, subject: number) => void): void {
    const events = this.#events
    const { kind, subject } = events
    this.#now = events.time
    events.pop()
    if (kind !== TIMER) return handle(kind, subject)
    const fn = this.#timers.get(subject)
    if (fn === undefined) this.#cancelled--
    else {
      this.#timers.delete(subject)
      fn()
    }
  }
}
