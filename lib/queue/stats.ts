import type { LatencySummary } from '../engine/histogram.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import { LANE, laneWord, QUEUE_HEADER } from './layout.js'
import type { QueueEngineKind, QueueMemory } from './memory.js'
import { OWNER_NOBODY } from './ownership.js'
import { wakeUps } from './sleepers.js'
import { timeInQueue } from './time-in-queue.js'

export interface QueueStats {
  readonly engine: QueueEngineKind
  /** Items. */
  readonly capacity: number
  /** Items accepted and not yet popped, published or not. */
  readonly allocated: number
  /** Items ever accepted, by every thread. */
  readonly pushed: number
  /** Items ever popped, by every thread. */
  readonly popped: number
  /** Items refused because the queue was full. */
  readonly pushFailures: number
  /** `allocated / capacity`, 0 to 1. */
  readonly utilisation: number
  /** How often a consumer had to look again, because another one was quicker (a failed compare-and-swap). */
  readonly retries: number
  /** How often a thread that waited was woken. */
  readonly wakeUps: number
  /**
   * From publication to pop. From samples, each of which counts for all items since the one before: `count` is the number of
   * items that they stand for, a little less than `popped`.
   */
  readonly timeInQueueMs: LatencySummary
  /** Threads that have pushed and not ended. */
  readonly producers: number
  readonly closed: boolean
}

/** The same for both kinds of queue. */
export type TicketQueueStats = QueueStats
/** What a `RequestQueue` has counted. */
export type RequestQueueStats = QueueStats

/** The sums over all lanes. While other threads push and pop, each number is of a slightly different moment. */
export function queueStats(memory: QueueMemory): QueueStats {
  const { words, doubles, capacity } = memory
  const start = words[QUEUE_HEADER.START] >>> 0
  let pushed = 0
  let allocated = 0
  let pushFailures = 0
  let producers = 0
  let retries = 0
  const lanes = memory.lanesUsed()
  for (let lane = 0; lane < lanes; lane++) {
    const at = laneWord(lane)
    // HEAD first, so that a lane that is being read never seems to hold less than nothing.
    const head = Atomics.load(words, at + LANE.HEAD)
    const tail = Atomics.load(words, at + LANE.TAIL)
    const unpublished = memory.unpublished(at)
    pushed += Atomics.load(words, at + LANE.WRAPS) * TWO_TO_32 + (tail >>> 0) - start + unpublished
    allocated += ((tail - head) | 0) + unpublished
    pushFailures += doubles[(at + LANE.REFUSED) >> 1]
    retries += Atomics.load(words, at + LANE.RETRIES) >>> 0
    if (Atomics.load(words, at + LANE.OWNER) !== OWNER_NOBODY) producers++
  }
  return {
    engine: memory.engine,
    capacity,
    allocated,
    pushed,
    popped: pushed - allocated,
    pushFailures,
    utilisation: allocated / capacity,
    retries,
    wakeUps: wakeUps(memory),
    timeInQueueMs: timeInQueue(memory),
    producers,
    closed: Atomics.load(words, QUEUE_HEADER.CLOSED) !== 0,
  }
}
