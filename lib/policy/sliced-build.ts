import type { TimerHandle, Timers } from '../runtime/timers.js'

/**
 * A value that takes long to make. The first one is made at once, since nothing can be chosen without it. A later one is
 * made in slices between other work, each from one `yield` to the next, while the one before stays in force.
 */
export class SlicedBuild<T> {
  readonly #timers: Timers
  #current: T | undefined
  #slice: TimerHandle | undefined
  /** What comes after the one that is being made. */
  #next: Generator<void, T> | undefined

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Valid once `start` was called. */
  get current(): T {
    return this.#current as T
  }

  /**
   * Makes a value that takes the place of the current one. One that is still being made is finished first, though it is
   * out of date: where changes come faster than values are made, the current one would else stay for ever.
   */
  start(steps: Generator<void, T>): void {
    if (this.#slice !== undefined) {
      this.#next = steps
    } else if (this.#current === undefined) {
      let step = steps.next()
      while (!step.done) step = steps.next()
      this.#current = step.value
    } else {
      this.#later(steps)
    }
  }

  stop(): void {
    this.#slice?.cancel()
    this.#slice = undefined
    this.#next = undefined
  }

  #later(steps: Generator<void, T>): void {
    this.#slice = this.#timers.after(0, () => {
      const step = steps.next()
      if (!step.done) return this.#later(steps)
      const next = this.#next
      this.#current = step.value
      this.#slice = undefined
      this.#next = undefined
      if (next !== undefined) this.#later(next)
    })
  }
}
