import type { TimerHandle, Timers } from '../../runtime/timers.js'

/** Ticks in one span, and the bounds of one tick in ms. */
const TICKS_PER_SPAN = 8
const MIN_TICK_MS = 5
const MAX_TICK_MS = 250

/**
 * Measures for how long this thread's event loop was held (by long computations, a debugger, a suspended machine): a
 * timer ticks while anything is watched, and what it is late by is time in which no answer could be read.
 */
export class LoopWatch {
  readonly #timers: Timers
  #tickMs = 0
  #watched = 0
  #totalMs = 0
  #due = 0
  #tick: TimerHandle | undefined

  /** @param spanMs how long a typical thing is watched; a hold of less than an eighth of it may go unseen */
  constructor(timers: Timers, spanMs: number) {
    this.#timers = timers
    this.setSpan(spanMs)
  }

  setSpan(spanMs: number): void {
    this.#tickMs = Math.min(MAX_TICK_MS, Math.max(MIN_TICK_MS, spanMs / TICKS_PER_SPAN))
  }

  /** Something begins that wants to know; ticks run from the first to the last `leave`. */
  enter(): void {
    if (this.#watched++ === 0) this.#schedule()
  }

  leave(): void {
    if (--this.#watched > 0) return
    this.#totalMs = this.heldMs()
    this.#tick?.cancel()
    this.#tick = undefined
  }

  /** ms held so far while watched, the present hold included. Only differences of it mean anything. */
  heldMs(): number {
    // A tick may be as late as the timer whose callback asks, and come after it in the same turn.
    return this.#totalMs + (this.#tick === undefined ? 0 : Math.max(0, this.#timers.now() - this.#due))
  }

  #schedule(): void {
    this.#due = this.#timers.now() + this.#tickMs
    this.#tick = this.#timers.after(this.#tickMs, () => {
      this.#totalMs = this.heldMs()
      this.#schedule()
    })
  }
}
