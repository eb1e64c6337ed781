import type { TimerHandle, Timers } from '../../lib/runtime/timers.js'

/** Timers that stand still until `advance` is called. Callbacks run in order of their time. */
export class ManualTimers implements Timers {
  #now: number
  #sequence = 0
  #random: () => number
  readonly #pending = new Map<number, { at: number; fn: () => void }>()

  constructor(startMs = 1_000_000, random: () => number = () => 0.5) {
    this.#now = startMs
    this.#random = random
  }

  now(): number {
    return this.#now
  }

  random(): number {
    return this.#random()
  }

  after(ms: number, fn: () => void): TimerHandle {
    const id = ++this.#sequence
    this.#pending.set(id, { at: this.#now + Math.max(0, ms), fn })
    return { cancel: () => void this.#pending.delete(id) }
  }

  /** How many callbacks wait. */
  get pending(): number {
    return this.#pending.size
  }

  /** Moves time on by `ms` and runs what falls due, lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      let next: [number, { at: number; fn: () => void }] | undefined
      for (const entry of this.#pending) {
        if (entry[1].at <= end && (next === undefined || entry[1].at < next[1].at)) next = entry
      }
      if (next === undefined) break
      this.#pending.delete(next[0])
      this.#now = Math.max(this.#now, next[1].at)
      next[1].fn()
    }
    this.#now = end
    await settle()
  }
}

/** Lets all promise callbacks that are ready run, and what waits until the sockets were read. */
const settle = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
