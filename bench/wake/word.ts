/** A shared word: `Atomics.wait`, `Atomics.waitAsync`, or a look at it every millisecond. */
import type { Sleeper, Way } from './way.js'

const POLL_MS = 1

/** In Node 20, but not in the types of ES2023. */
const { waitAsync } = Atomics as unknown as {
  waitAsync(words: Int32Array, at: number, value: number): { value: Promise<string> | string }
}

const sleepers: Readonly<Record<string, (word: Int32Array) => Sleeper>> = {
  wait: (word) => ({
    sleep(rounds, ready, woken) {
      for (let i = 0; i < rounds; i++) {
        const seen = Atomics.load(word, 0)
        ready()
        Atomics.wait(word, 0, seen)
        woken()
      }
    },
  }),
  waitAsync: (word) => ({
    async sleep(rounds, ready, woken) {
      for (let i = 0; i < rounds; i++) {
        const { value } = waitAsync(word, 0, Atomics.load(word, 0))
        ready()
        await value
        woken()
      }
    },
  }),
  poll: (word) => ({
    sleep: (rounds, ready, woken) =>
      new Promise((resolve) => {
        let left = rounds
        let seen = Atomics.load(word, 0)
        const timer = setInterval(() => {
          const now = Atomics.load(word, 0)
          if (now === seen) return
          seen = now
          woken()
          if (--left > 0) return ready()
          clearInterval(timer)
          resolve()
        }, POLL_MS)
        ready()
      }),
  }),
}

export const way = (variant: string): Way => ({
  create() {
    const word = new Int32Array(new SharedArrayBuffer(4))
    return { sleeper: word, waker: word }
  },
  sleeper: (end) => sleepers[variant](end as Int32Array),
  waker(end) {
    const word = end as Int32Array
    return () => {
      Atomics.add(word, 0, 1)
      Atomics.notify(word, 0)
    }
  },
})
