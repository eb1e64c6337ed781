import { leavesFirst } from '../engine/choice.js'
import { SLOT } from '../engine/layout.js'
import { type DrawTable, drawn, drawOther, nextTurn } from '../engine/weighted-draw.js'
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

/** How two endpoints compare: what is read of each, and when a request leaves the one for the other. */
export interface Comparison {
  /** ms, silence included; the same for all where latency does not count. */
  latency(slot: number, now: number): number
  /** Requests in flight, as far as they count. */
  inFlight(slot: number): number
  /** The weight, or whatever else speaks for the endpoint. */
  worth(slot: number): number
  /** `leavesFirst` of the engines, or a rule of the same shape. */
  leaves(
    latencyFirst: number,
    latencySecond: number,
    inFlightFirst: number,
    inFlightSecond: number,
    worthFirst: number,
    worthSecond: number,
  ): boolean
}

/** Where latency does not count: each has the same. */
const NO_LATENCY = () => 1

/** Load as the engines' own pickers have it: latency x (in-flight + 1) / weight. */
export const byLoad = ({ state }: PolicyView, latency: Comparison['latency'] = NO_LATENCY): Comparison => ({
  latency,
  inFlight: (slot) => state.peek(slot, SLOT.IN_FLIGHT),
  worth: (slot) => state.getFloat(slot, SLOT.WEIGHT),
  leaves: leavesFirst,
})

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
  const best = new Best(slots, comparison)
  const random = () => core.random()
  const count = choices === 'all' ? n : Math.min(choices, n)
  const others = new Int32Array(count === n ? 0 : count - 1)
  let turn = draw === undefined ? 0 : random()
  return () => {
    const bits = random()
    if (draw !== undefined) turn = nextTurn(turn)
    const first = draw === undefined ? Math.floor((bits * n) / TWO_TO_32) : drawn(draw, turn)
    best.begin(first, core.now())
    // In either direction: else what leaves an endpoint would all go to the one after it.
    if (count === n) best.meetAll(first, (bits & 1) === 0 ? 1 : n - 1)
    else {
      if (draw === undefined) sampleOthers(view, n, first, others)
      else drawOthers(draw, first, others, random)
      for (let i = 0; i < others.length; i++) best.meet(others[i])
    }
    return reserveFrom(view, slots, best.position)
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

/** The best candidate so far. */
class Best {
  position = 0
  readonly #slots: Uint32Array
  readonly #comparison: Comparison
  #now = 0
  #latency = 0
  #inFlight = 0
  #worth = 0

  constructor(slots: Uint32Array, comparison: Comparison) {
    this.#slots = slots
    this.#comparison = comparison
  }

  begin(position: number, now: number): void {
    const slot = this.#slots[position]
    this.#now = now
    this.position = position
    this.#latency = this.#comparison.latency(slot, now)
    this.#inFlight = this.#comparison.inFlight(slot)
    this.#worth = this.#comparison.worth(slot)
  }

  meet(position: number): void {
    const slot = this.#slots[position]
    const comparison = this.#comparison
    const latency = comparison.latency(slot, this.#now)
    const inFlight = comparison.inFlight(slot)
    const worth = comparison.worth(slot)
    if (!comparison.leaves(this.#latency, latency, this.#inFlight, inFlight, this.#worth, worth)) return
    this.position = position
    this.#latency = latency
    this.#inFlight = inFlight
    this.#worth = worth
  }

  /** All others, from the one after `first` on in steps of 1 or, back, of n - 1. */
  meetAll(first: number, step: number): void {
    const n = this.#slots.length
    for (let i = 1, at = first; i < n; i++) {
      at += step
      if (at >= n) at -= n
      this.meet(at)
    }
  }
}
