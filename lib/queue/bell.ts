/** How a thread's event loop is called when there is something to read. */
import type { QueueMemory } from './memory.js'
import { futexOf } from './sleepers.js'

export interface Bell {
  /** To be called after the waiter fell asleep, each time: its next call comes to `onRing`. */
  arm(): void
  /** The call is not waited for any more. */
  disarm(): void
  close(): void
}

/** The fallback's: `Atomics.waitAsync` on the waiter's word, which does not keep the event loop alive. */
export function fallbackBell({ words }: QueueMemory, waiter: number, onRing: () => void): Bell {
  const futex = futexOf(waiter)
  let round = 0
  const disarm = (): void => {
    round++
    // The wait that is still out cannot be taken back, only ended.
    Atomics.notify(words, futex)
  }
  return {
    arm() {
      const mine = ++round
      const ring = (): void => {
        if (mine === round) onRing()
      }
      const { async, value } = Atomics.waitAsync(words, futex, 0)
      if (async) void value.then(ring)
      else queueMicrotask(ring)
    },
    disarm,
    close: disarm,
  }
}
