import type { PolicyPicker, PolicyView } from './policy.js'

const TWO_TO_32 = 4294967296

/** Uniform position below `n`, from the thread's own generator. */
export const randomPosition = (view: PolicyView, n: number): number =>
  Math.floor((view.state.core.random() * n) / TWO_TO_32)

/** Reserves the slot at `position` or, where it is at its limit, the first one after it that has room; -1 when none has. */
export function reserveFrom(view: PolicyView, slots: Uint32Array, position: number): number {
  const n = slots.length
  for (let i = 0, at = position; i < n; i++) {
    if (view.state.core.reserve(slots[at])) return slots[at]
    if (++at === n) at = 0
  }
  return -1
}

/**
 * Fills `sample` with `count` distinct positions below `n`, by Floyd's sampling (Bentley, Floyd 1987): exactly `count`
 * random numbers.
 */
export function sampleDistinct(view: PolicyView, n: number, count: number, sample: Int32Array): void {
  for (let i = 0; i < count; i++) {
    const top = n - count + i
    let at = randomPosition(view, top + 1)
    for (let j = 0; j < i; j++) {
      if (sample[j] === at) {
        at = top
        break
      }
    }
    sample[i] = at
  }
}

/** Load of a slot at a time, lower is better; pure. */
export type SlotLoad = (slot: number, now: number) => number

/**
 * Compares `choices` distinct positions, or all of them, by load, and reserves the lowest; the first one met wins a
 * tie, and the scan begins at a random position, so that ties spread.
 */
export function lowestOf(
  view: PolicyView,
  slots: Uint32Array,
  load: SlotLoad,
  choices: number | 'all',
): PolicyPicker {
  const n = slots.length
  const { core } = view.state
  if (n === 0) return () => -1
  const count = choices === 'all' ? n : Math.min(choices, n)
  const scan = count === n
  const sample = new Int32Array(scan ? 0 : count)
  return () => {
    const now = core.now()
    let best = -1
    let lowest = Number.POSITIVE_INFINITY
    if (scan) {
      let at = n === 1 ? 0 : randomPosition(view, n)
      for (let i = 0; i < n; i++) {
        const value = load(slots[at], now)
        if (value < lowest || best < 0) {
          lowest = value
          best = at
        }
        if (++at === n) at = 0
      }
    } else {
      sampleDistinct(view, n, count, sample)
      for (let i = 0; i < count; i++) {
        const at = sample[i]
        const value = load(slots[at], now)
        if (value < lowest || best < 0) {
          lowest = value
          best = at
        }
      }
    }
    return reserveFrom(view, slots, best)
  }
}
