import type { ThreadWork } from '../harness/thread-work.js'

const CHECK_EVERY = 256

/** A thread that picks and ends for as many ms as its slice says. */
export function pickFor(next: (count: number) => unknown): ThreadWork {
  let count = 0
  return {
    slice(ms) {
      const first = count
      const until = performance.now() + (ms as number)
      while (performance.now() < until)
        for (const end = count + CHECK_EVERY; count < end; count++) next(count)
      return { picks: count - first }
    },
  }
}
