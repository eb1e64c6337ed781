/** How a thread's event loop is called when there is something to read. */
import type { QueueMemory } from './memory.js'
import { futexOf } from './sleepers.js'

export interface Notifier {
  /** To be called after the waiter fell asleep, each time: its next call comes to `onNotify`. */
  arm(): void
  /** The call is not waited for any more. */
  disarm(): void
  close(): void
}

/** The fallback's: `Atomics.waitAsync` on the waiter's word, which does not keep the event loop alive. */
export function waitAsyncNotifier({ words }: QueueMemory, waiter: number, onNotify: () => void): Notifier {
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
      const call = (): void => {
        if (mine === round) onNotify()
      }
      const { async, value } = Atomics.waitAsync(words, futex, 0)
      if (async) void value.then(call)
      else queueMicrotask(call)
    },
    disarm,
    close: disarm,
  }
}
