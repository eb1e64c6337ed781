import { leavesFirst } from '../engine/choice.js'
import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { type DrawTable, drawn, drawOther, nextTurn } from '../engine/weighted-draw.js'
import { either, exactly, number } from '../options/kinds.js'
import { toBelow } from '../runtime/bits.js'
import type { PolicyPicker, PolicyView } from './policy.js'

const CHOICES_RIGHT = "a whole number from 2 to 65,535, or 'all'"

export const CHOICES = either(
  [number({ integer: true, min: 2, max: 65_535, right: CHOICES_RIGHT }), exactly('all')],
  {
    right: CHOICES_RIGHT,
    type: "number or 'all'",
    range: CHOICES_RIGHT,
    default: 'all',
    about: 'How many distinct endpoints, chosen at random, are compared.',
  },
)

/** Uniform position below `n`, from the thread's own generator. */
export const randomPosition = (view: PolicyView, n: number): number => toBelow(view.state.core.random(), n)

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

/** The candidates of one pick, compared one after the other; each by its position. */
export interface Comparison {
  /** The first candidate: the best so far. */
  begin(position: number, now: number): void
  /** One more candidate: whether it is really better than the best so far, in whose place it then is. */
  meets(position: number, now: number): boolean
}

/** Latency x (in-flight + 1) / weight, compared as the engines' own pickers do. */
export class ByLoad implements Comparison {
  readonly #state: SharedState
  readonly #slots: Uint32Array
  readonly #weights: Float64Array
  readonly #byLatency: boolean
  #latency = 0
  #inFlight = 0
  #weight = 0
  #load = 0

  /** @param byLatency else the latency is the same for all */
  constructor({ state }: PolicyView, slots: Uint32Array, weights: Float64Array, byLatency: boolean) {
    this.#state = state
    this.#slots = slots
    this.#weights = weights
    this.#byLatency = byLatency
  }

  begin(position: number, now: number): void {
    // Anything is better than this.
    this.#load = Number.POSITIVE_INFINITY
    this.#latency = Number.POSITIVE_INFINITY
    this.#inFlight = 0
    this.#weight = 1
    this.meets(position, now)
  }

  meets(position: number, now: number): boolean {
    const slot = this.#slots[position]
    const weight = this.#weights[position]
    const inFlight = this.#state.peek(slot, SLOT.IN_FLIGHT)
    const latency = this.#byLatency ? this.#state.core.latency(slot, now) : 1
    const load = latency * ((inFlight + 1) / weight)
    // First what is quick to say: nothing leaves for a higher load.
    if (!(load < this.#load)) return false
    if (!leavesFirst(this.#latency, latency, this.#inFlight, inFlight, this.#weight, weight)) return false
    this.#latency = latency
    this.#inFlight = inFlight
    this.#weight = weight
    this.#load = load
    return true
  }
}

/**
 * Draws a first candidate, and compares it with `choices` - 1 distinct others, or with all: the request stays with the one
 * it has unless the next one is really better, as `comparison` says. Reserves the one it ends with.
 * @param draw draws candidates by weight, the first as evenly over time as the engines' own pickers do; undefined: each
 * is as likely
 */
export function bestOf(
  view: PolicyView,
  slots: Uint32Array,
  comparison: Comparison,
  choices: number | 'all',
  draw?: DrawTable,
): PolicyPicker {
  const n = slots.length
  if (n === 0) return () => -1
  if (n === 1) return () => reserveFrom(view, slots, 0)
  const { core } = view.state
  const random = () => core.random()
  const count = choices === 'all' ? n : Math.min(choices, n)
  const others = new Int32Array(count === n ? 0 : count - 1)
  let turn = draw === undefined ? 0 : random()
  return () => {
    const now = core.now()
    const bits = random()
    if (draw !== undefined) turn = nextTurn(turn)
    const first = draw === undefined ? toBelow(bits, n) : drawn(draw, turn)
    let best = first
    comparison.begin(first, now)
    if (count === n) {
      // In either direction: else what leaves an endpoint would all go to the one after it.
      const step = (bits & 1) === 0 ? 1 : n - 1
      for (let i = 1, at = first; i < n; i++) {
        at += step
        if (at >= n) at -= n
        if (comparison.meets(at, now)) best = at
      }
    } else {
      if (draw === undefined) sampleOthers(view, n, first, others)
      else drawOthers(draw, first, others, random)
      for (let i = 0; i < others.length; i++) if (comparison.meets(others[i], now)) best = others[i]
    }
    return reserveFrom(view, slots, best)
  }
}

/** Fills `others` with distinct positions below `n` other than `first`, each as likely. */
function sampleOthers(view: PolicyView, n: number, first: number, others: Int32Array): void {
  sampleDistinct(view, n - 1, others.length, others)
  for (let i = 0; i < others.length; i++) if (others[i] >= first) others[i]++
}

/** As `sampleOthers`, by weight; in the place of one that was drawn before the next one after it that was not. */
function drawOthers(draw: DrawTable, first: number, others: Int32Array, random: () => number): void {
  const n = draw.thresholds.length
  for (let i = 0; i < others.length; i++) {
    let at = drawOther(draw, first, random)
    while (at === first || others.subarray(0, i).includes(at)) at = (at + 1) % n
    others[i] = at
  }
}
