// What the threads whose calls are recorded have in common.

// Those that this file uses itself are never held up.
const { add, load, wait, notify } = Atomics

/** Words of the memory that they share: the clock, how many threads have come, how often all of them had, how many run. */
const CLOCK = 0
const COME = 1
const ROUND = 2
const AWAKE = 3
/** How often a thread looks whether the others run: some 0.1 ms. There may be fewer cores than threads. */
const LOOKS = 10_000
const SLEEP_MS = 0.02

/** Of the clock that all threads share: each reading is a number of its own, in their true order. */
export const reading = (words) => add(words, CLOCK, 1)

/** Returns when all `threads` have come, for the `round`th time from 0 on. */
export function meet(words, threads, round) {
  if (add(words, COME, 1) + 1 === threads * (round + 1)) {
    add(words, ROUND, 1)
    notify(words, ROUND)
  }
  for (let seen = load(words, ROUND); seen <= round; seen = load(words, ROUND)) wait(words, ROUND, seen, 1000)
  // One that was woken comes late by more than a whole history.
  add(words, AWAKE, 1)
  for (let look = 0; look < LOOKS && load(words, AWAKE) < threads * (round + 1); look++);
}

/** As in test/support/seeded.ts. */
export function seeded(seed) {
  let state = seed >>> 0
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

/**
 * Holds a quarter of this thread's atomic operations up, before or after: other threads come in between. Mostly it spins,
 * so that they meet where each has a core; now and then it sleeps, so that they do where there is only one.
 */
export function holdUp(seed) {
  const below = seeded(seed)
  const scratch = new Int32Array(new SharedArrayBuffer(4))
  const pause = () => {
    if (below(16) === 0) wait(scratch, 0, 0, SLEEP_MS)
    else for (let left = below(200); left > 0; left--) load(scratch, 0)
  }
  for (const name of ['load', 'store', 'add', 'sub', 'and', 'or', 'exchange', 'compareExchange']) {
    const original = Atomics[name]
    Atomics[name] = (...values) => {
      const where = below(8)
      if (where === 0) pause()
      const result = original(...values)
      if (where === 1) pause()
      return result
    }
  }
}
