import type { TimerHandle, Timers } from '../runtime/timers.js'
import { type SlowStartOptions, slowStartStepMs } from './slow-start.js'

/** Has a service's view made anew while endpoints are in their slow start. */
export class WarmUp {
  readonly #timers: Timers
  readonly #again: () => void
  #timer: TimerHandle | undefined

  constructor(timers: Timers, again: () => void) {
    this.#timers = timers
    this.#again = again
  }

  watch(slowStart: SlowStartOptions | undefined): void {
    if (slowStart === undefined || this.#timer !== undefined) return
    this.#timer = this.#timers.after(slowStartStepMs(slowStart), () => {
      this.#timer = undefined
      this.#again()
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
