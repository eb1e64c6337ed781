/**
 * Faults at the atomic operations of some code: the thread ends there, or another thread gets its turn. Operation number
 * `n` has two such places: `2n` just before it, with all ordinary writes up to there done, and `2n + 1` right behind it,
 * with none of those that follow.
 */
const OPERATIONS = [
  'load',
  'store',
  'add',
  'sub',
  'and',
  'or',
  'exchange',
  'compareExchange',
  'notify',
] as const

class Stopped extends Error {}

/** Calls `reach` with the number of each place that `work` comes to. */
function watch(reach: (place: number) => void, work: () => void): void {
  const atomics = Atomics as unknown as Record<string, (...values: unknown[]) => unknown>
  const originals = OPERATIONS.map((name) => atomics[name])
  let place = 0
  OPERATIONS.forEach((name, i) => {
    atomics[name] = (...values) => {
      reach(place++)
      const result = originals[i](...values)
      reach(place++)
      return result
    }
  })
  try {
    work()
  } finally {
    OPERATIONS.forEach((name, i) => {
      atomics[name] = originals[i]
    })
  }
}

/**
 * Does `work` up to the place `at`, as a thread that is terminated there: false where it came to its end before. Nothing
 * that it does in a `finally` happens either, as far as it is atomic.
 */
export function stopAt(at: number, work: () => void): boolean {
  try {
    watch((place) => {
      if (place >= at) throw new Stopped()
    }, work)
  } catch (error) {
    if (error instanceof Stopped) return true
    throw error
  }
  return false
}

/** Does `other` at the place `at` of `work`: false where that came to its end before. */
export function interposeAt(at: number, other: () => void, work: () => void): boolean {
  let isReached = false
  let isOther = false
  let place = 0
  watch(() => {
    if (isOther || place++ !== at) return
    isReached = true
    isOther = true
    other()
    isOther = false
  }, work)
  return isReached
}
