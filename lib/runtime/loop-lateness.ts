import type { TimerHandle, Timers } from './timers.js'

/** Between two ticks, in ms: a hold shorter than that may go unseen. */
const TICK_MS = 10
/** A tick that is later than this, in ms, was held up; less is how timers are. */
const NOTICED_MS = 2

/**
 * How late this thread's event loop is: what is read now may have lain there for as long. A timer ticks while something
 * is awaited. When a turn of the loop takes long, the tick is late by the rest of it; it stays so for what is read before
 * the tick runs, and, since timers run before sockets are read, for the reading that follows it.
 */
export class LoopLateness {
  readonly #timers: Timers
  #awaited = 0
  #used = false
  #tick: TimerHandle | undefined
  #due = 0
  /** Lateness of the last tick, ms, until the sockets were read after it. */
  #recentMs = 0
  #totalMs = 0

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Something is awaited from now on. Cheap: a timer is started only where none runs. */
  begin(): void {
    this.#awaited++
    this.#used = true
    if (this.#tick === undefined) this.#schedule()
  }

  end(): void {
    this.#awaited--
  }

  /** By how much what is read at `now` may have been late, ms. */
  lateMs(now: number): number {
    const overdue = this.#tick === undefined ? 0 : now - this.#due
    const late = overdue > this.#recentMs ? overdue : this.#recentMs
    return late > NOTICED_MS ? late : 0
  }

  /** ms by which ticks were late so far, the present one included. Only differences of it mean anything. */
  heldMs(now: number): number {
    return this.#totalMs + (this.#tick === undefined ? 0 : Math.max(0, now - this.#due))
  }

  stop(): void {
    this.#tick?.cancel()
    this.#tick = undefined
  }

  #schedule(): void {
    this.#due = this.#timers.now() + TICK_MS
    this.#tick = this.#timers.after(TICK_MS, () => {
      const late = this.#timers.now() - this.#due
      this.#tick = undefined
      if (late > NOTICED_MS) {
        this.#totalMs += late
        this.#recentMs = late
        // After the sockets were read.
        setImmediate(() => {
          this.#recentMs = 0
        })
      }
      // A tick more after the last one that was awaited: requests one after another keep one timer.
      if (this.#awaited > 0 || this.#used) {
        this.#used = false
        this.#schedule()
      }
    })
  }
}
