import type { TimerHandle } from '../runtime/timers.js'
import { EventQueue } from './events.js'
import { START_MS } from './machine.js'

/** The kind of event that belongs to a timer; those above it are the run's own. */
const TIMER = 0

/** Simulated time, and what is going to happen in it. */
export class Agenda {
  readonly #events = new EventQueue()
  readonly #timers = new Map<number, () => void>()
  #timersSet = 0
  #now = START_MS

  /** ms on the balancers' clock. */
  get now(): number {
    return this.#now
  }

  /** ms since the simulation began. */
  readonly elapsed = (): number => this.#now - START_MS

  /** An event of the run's, of a kind above 0. */
  push(time: number, kind: number, subject: number): void {
    this.#events.push(time, kind, subject)
  }

  /** Runs `fn` at a time, or now where that is over. */
  at(time: number, fn: () => void): TimerHandle {
    const id = this.#timersSet++ & 0x7fffffff
    this.#timers.set(id, fn)
    this.#events.push(Math.max(time, this.#now), TIMER, id)
    return { cancel: () => void this.#timers.delete(id) }
  }

  /** Moves time on to the next event. Timers run here; what is the run's own goes to `handle`. */
  next(handle: (kind: number, subject: number) => void): void {
    const events = this.#events
    const { kind, subject } = events
    this.#now = events.time
    events.pop()
    if (kind !== TIMER) return handle(kind, subject)
    const fn = this.#timers.get(subject)
    this.#timers.delete(subject)
    fn?.()
  }
}
