/**
 * What an engine does for a queue. The fast paths (accepting a single item, publishing, reading) are the same code
 * for both engines, in `ticket-port.ts`, `request-port.ts` and `reading.ts`; an engine finds blocks, credits and lanes with
 * something to read. `test/contract` runs one suite on both.
 *
 * A lane is named by its number. Only the thread that has taken a lane may call the methods that say "own".
 */

import type { QueueEngineKind, QueueMemory } from './memory.js'
import type { Notifier } from './notifier.js'
import type { RequestMemory } from './request-memory.js'

export interface QueueLanes {
  readonly memory: QueueMemory
  /** A lane of this thread's own, or -1 when all of them belong to other threads. */
  takeLane(): number
  /** Gives an own lane back. What is published stays readable; what is accepted but not published is dropped. */
  releaseLane(lane: number): void
  /**
   * Accepts up to `wanted` items, of 1 to a block, into an own lane without credit, as if they were written: how many. 0
   * when the queue was full at some moment during the call. Further credit may have gone into the lane.
   */
  obtain(lane: number, wanted: number): number
  /** Gives an own lane, whose last block is full, its next one: false when there is none. */
  openBlock(lane: number): boolean
  /** To be called after an own lane's TAIL was moved. */
  announce(lane: number): void
  /** Puts in order what ended threads have left, where nothing else does. False: call again later. */
  reap(): boolean
  /** A notifier for an own waiter; it must not hold what `onNotify` belongs to. */
  openNotifier(waiter: number, onNotify: () => void): Notifier
  /** Calls the notifier of a waiter, of any thread. */
  notify(waiter: number): void
}

export interface TicketLanes extends QueueLanes {
  /** Fills `out` with what is readable, whoever published it; returns how many. */
  popMany(out: Uint32Array): number
}

export interface RequestLanes extends QueueLanes {
  /** Adds up to `wanted` requests to `out`, of what is readable, whoever published it. */
  popInto(out: Uint8Array[], wanted: number): void
  /** A holder of this thread's, for one batch of requests at a time, or -1 when all are taken. */
  takeHolder(): number
  /** Lets go and gives the holder back. */
  freeHolder(holder: number): void
  /** Pops up to `wanted` requests, of one block, and leaves them where they are until `freeHolder`. `holder` holds nothing yet. */
  holdInto(span: RequestSpan, holder: number, wanted: number): void
}

/** Requests in neighbouring slots. */
export interface RequestSpan {
  slot: number
  count: number
}

export interface QueueEngine {
  readonly kind: QueueEngineKind
  /** One thread's access to a queue of tickets. */
  readonly createLanes: (memory: QueueMemory) => TicketLanes
  /** One thread's access to a queue of requests. */
  readonly createRequestLanes: (memory: RequestMemory) => RequestLanes
}
