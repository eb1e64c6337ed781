/** For how long a thread's event loop is held, looked at once a millisecond. */
import { openSync, readSync } from 'node:fs'
import type { Sample } from '../harness/case.js'

const TICK_MS = 1
const NS_PER_MS = 1e6
/** Linux says there for how long the thread has run; a machine that has other work to do holds a loop without its doing. */
const RUN_TIME = '/proc/thread-self/schedstat'
const RUN_TIME_BYTES = 64

/** Has to be made in the thread that it is to watch. */
export class HoldWatch {
  readonly #file = openRunTime()
  readonly #bytes = Buffer.alloc(RUN_TIME_BYTES)
  #timer: NodeJS.Timeout | undefined
  #at = 0
  #ranMs = 0
  /** ms of each hold by the clock, and of it the time in which the thread ran. */
  #longest = 0
  #longestRun = 0
  #over10 = 0
  #runOver10 = 0
  #running = 0

  start(): void {
    clearTimeout(this.#timer)
    this.#at = performance.now()
    this.#ranMs = this.#runTime()
    this.#longest = 0
    this.#longestRun = 0
    this.#over10 = 0
    this.#runOver10 = 0
    this.#running = 0
    this.#tick()
  }

  stop(): Sample {
    clearTimeout(this.#timer)
    return {
      holdMs: this.#longest,
      runMs: this.#longestRun,
      holdsOver10: this.#over10,
      runsOver10: this.#runOver10,
      busyMs: this.#running,
    }
  }

  #tick(): void {
    this.#timer = setTimeout(() => {
      const now = performance.now()
      const ran = this.#runTime()
      const hold = now - this.#at - TICK_MS
      const run = ran - this.#ranMs
      this.#at = now
      this.#ranMs = ran
      this.#running += run
      if (hold > this.#longest) this.#longest = hold
      if (run > this.#longestRun) this.#longestRun = run
      if (hold > 10) this.#over10++
      if (run > 10) this.#runOver10++
      this.#tick()
    }, TICK_MS)
  }

  /** ms; NaN where the system does not say. */
  #runTime(): number {
    if (this.#file === undefined) return Number.NaN
    const length = readSync(this.#file, this.#bytes, 0, RUN_TIME_BYTES, 0)
    return Number(this.#bytes.toString('latin1', 0, length).split(' ', 1)[0]) / NS_PER_MS
  }
}

function openRunTime(): number | undefined {
  try {
    return openSync(RUN_TIME, 'r')
  } catch {
    return undefined
  }
}
