/**
 * How long items are in the queue, from their publication to their pop: a histogram that is always on, from samples.
 *
 * A lane has one *probe*: one of its items, and when that was published. Whoever pops that item adds the time that has passed
 * to the histogram, with the weight of all items since the last probe that was popped. The owner offers the last item of
 * every so many for a probe. While the probe is in the queue, each further offer replaces it with a probability that makes
 * it any of those offered since the last pop, all alike: else a burst would be judged by its first items.
 */

import { bucketOf } from '../engine/atomics/histogram.js'
import { type LatencySummary, summarise } from '../engine/histogram.js'
import { MAX_LATENCY_MS } from '../engine/layout.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import { monotonicNow } from '../runtime/clock.js'
import { LANE, QUEUE_HEADER, QUEUE_SIZES } from './layout.js'
import type { QueueMemory } from './memory.js'

/** Between two offers, ms: what is aimed at. */
const PAUSE_MS = 0.1
/** Items between two offers, at most: as many as a lane that slows down goes without one. */
const PAUSE_ITEMS = 16_384
/**
 * The same while consumers sleep: a probe takes both threads some microseconds when neither has run for a while, as much as a
 * wake-up itself, and most should go without. Chance decides, so that nothing beats in step with it.
 */
const SLEEPERS_PAUSE_ITEMS = 16

const isSet = (state: number): boolean => (state & 1) === 1

/** For a new owner of a lane, whose first word is `at`. */
export function startProbes({ words }: QueueMemory, at: number): void {
  const tail = Atomics.load(words, at + LANE.TAIL)
  words[at + LANE.PROBE_DUE] = tail
  // The owner before may have ended after it had set the probe, before it published the item.
  if (((words[at + LANE.PROBE_SINCE] - tail) | 0) > 0) words[at + LANE.PROBE_SINCE] = tail
  const state = Atomics.load(words, at + LANE.PROBE_STATE)
  if (isSet(state) && ((words[at + LANE.PROBE] - tail) | 0) >= 0)
    Atomics.store(words, at + LANE.PROBE_STATE, state + 1)
}

/** Offers the item before `tail` for a probe. To be called by the owner when PROBE_DUE is reached, before it stores TAIL. */
export function offerProbe({ words, doubles }: QueueMemory, at: number, tail: number): void {
  const now = monotonicNow()
  const items = (tail - words[at + LANE.PROBE_SINCE]) | 0
  const ms = now - doubles[(at + LANE.PROBE_OFFERED) >> 1]
  words[at + LANE.PROBE_DUE] = tail + Math.max(1, Math.min((items * PAUSE_MS) / ms, PAUSE_ITEMS))
  words[at + LANE.PROBE_SINCE] = tail
  doubles[(at + LANE.PROBE_OFFERED) >> 1] = now

  const state = Atomics.load(words, at + LANE.PROBE_STATE)
  const isOut =
    // (Q14) Out of sight of consumers while it changes.
    isSet(state) && Atomics.compareExchange(words, at + LANE.PROBE_STATE, state, (state + 1) | 0) === state
  const offers = isOut ? words[at + LANE.PROBE_OFFERS] + 1 : 1
  // Whoever has popped it did not come to say so, or comes too late now.
  const isLost = isOut && ((Atomics.load(words, at + LANE.HEAD) - words[at + LANE.PROBE]) | 0) > 0
  words[at + LANE.PROBE_OFFERS] = offers
  words[at + LANE.PROBE_ITEMS] = isOut ? words[at + LANE.PROBE_ITEMS] + items : items
  if (isLost || Math.random() * offers < 1) {
    words[at + LANE.PROBE] = tail - 1
    doubles[(at + LANE.PROBE_TIME) >> 1] = now
  }
  // (Q14) Odd: the four words are one probe.
  Atomics.store(words, at + LANE.PROBE_STATE, (state + (isSet(state) ? 2 : 1)) | 0)
}

/**
 * To be called after a publication that has woken a sleeper: items are few now, and a pause that was right for many might last
 * for hours. `wasDue`: that publication has offered a probe.
 */
export function sampleForSleepers({ words }: QueueMemory, at: number, tail: number, wasDue: boolean): void {
  const ahead = (words[at + LANE.PROBE_DUE] - tail) | 0
  if (!wasDue && ahead <= SLEEPERS_PAUSE_ITEMS) return
  words[at + LANE.PROBE_DUE] = tail + 1 + Math.floor(Math.random() * SLEEPERS_PAUSE_ITEMS)
}

/** To be called after `count` items from `position` on were popped, the probe's among them. */
export function takeUpProbe(
  { words, doubles }: QueueMemory,
  at: number,
  position: number,
  count: number,
): void {
  const state = Atomics.load(words, at + LANE.PROBE_STATE) // (Q14) odd: a probe is out
  if (!isSet(state) || (words[at + LANE.PROBE] - position) >>> 0 >= count) return
  const items = words[at + LANE.PROBE_ITEMS]
  const publishedMs = doubles[(at + LANE.PROBE_TIME) >> 1]
  // Where this fails, the owner has seen that the probe was popped, and set another for its items and more.
  // (Q14) Unchanged: what was read is one probe.
  if (Atomics.compareExchange(words, at + LANE.PROBE_STATE, state, (state + 1) | 0) !== state) return
  const passedMs = monotonicNow() - publishedMs
  // No comparison is true of what is no number.
  const ms = passedMs > 0 ? Math.min(passedMs, MAX_LATENCY_MS) : 0
  const low = QUEUE_HEADER.TIME_IN_QUEUE + 2 * bucketOf(ms)
  const before = Atomics.add(words, low, items) >>> 0 // (Q15) no item is lost
  if (before + items >= TWO_TO_32) Atomics.add(words, low + 1, 1) // (Q15) the one add that wrapped carries
}

export function timeInQueue({ words }: QueueMemory): LatencySummary {
  const counts = new Float64Array(QUEUE_SIZES.TIME_BUCKETS)
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const low = QUEUE_HEADER.TIME_IN_QUEUE + 2 * bucket
    counts[bucket] = (Atomics.load(words, low + 1) >>> 0) * TWO_TO_32 + (Atomics.load(words, low) >>> 0)
  }
  return summarise(counts)
}
