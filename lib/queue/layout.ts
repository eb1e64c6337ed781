/**
 * The layout of a queue's shared memory: written once, here. `src/ticket_queue_layout.hpp` is generated from this
 * file and its fingerprint is compared when the addon makes a queue and when a handle is attached.
 *
 * Each producer thread has a *lane*: a sequence of items that it alone appends to and that every thread may read from.
 * Positions in a lane are 32-bit item counts that only grow and wrap. A lane's items lie in *blocks*, which come from one
 * pool for all lanes; its directory says which block holds which part of it. docs/concurrency/queues.md has the protocol.
 *
 * A thread that waits for something to read has a *waiter*: a word to sleep on, and a bit that says it sleeps. One that reads
 * requests in place has a *holder* for each batch of views: it names the block that nobody may use meanwhile.
 *
 * Order in memory: header, lanes, waiters, holders (of requests only), blocks, directories (16-bit entries). A word is 32
 * bits, little-endian. Fields that different threads write sit on cache lines (16 words) of their own. In a queue of
 * requests the blocks hold lengths, of 16 or 32 bits, and the bytes follow them in a slab: as many slots as there are
 * lengths, in the same order. The directories come last, since most of them are never used, while an allocator that clears
 * the beginning of what it gives out makes that much of it resident.
 */

import { HISTOGRAM_BUCKETS } from '../engine/layout.js'
import { fingerprintOf } from '../runtime/bits.js'

export const QUEUE_LAYOUT_VERSION = 2
/** 'FLTQ' read as a little-endian word. */
export const QUEUE_MAGIC = 0x51544c46

export const QUEUE_HEADER = {
  MAGIC: 0,
  VERSION: 1,
  FINGERPRINT: 2,
  /** 0: fallback, 1: native. */
  ENGINE: 3,
  /** Items. */
  CAPACITY: 4,
  /** Binary logarithm of the items of a block. */
  BLOCK_SHIFT: 5,
  /** Blocks in the pool. */
  BLOCKS: 6,
  /** Binary logarithm of the entries of one lane's directory. */
  DIRECTORY_SHIFT: 7,
  /** Position at which every lane started. */
  START: 8,
  /** Bytes of an item of a queue of requests; 0 in a queue of tickets. */
  SLOT_BYTES: 9,
  /** Two random words that tell this queue from every other. */
  ID: 10,
  /** 1 after close(). On a cache line that is hardly ever written, as is LANES_USED. */
  CLOSED: 16,
  /** Lanes that were ever taken: those at and above it are empty. */
  LANES_USED: 17,
  /** Fallback engine: the thread that repairs what ended threads have left, plus one; 0 for none. */
  REPAIRER: 18,
  /** Fallback engine: a block that an ended thread had in hand, plus one; 0 for none. Producers take it from here. */
  SPARE_BLOCK: 19,
  /** LINEAGE_WORDS words: that of REPAIRER. */
  REPAIRER_LINEAGE: 20,
  /** Holders that were ever taken: those at and above it hold nothing. */
  HOLDERS_USED: 24,
  /** Credits ever given out less those given back: items accepted plus credits that lanes still hold. */
  RESERVED: 32,
  /** A lower bound of the items ever popped: the sum of the lanes' HEADs when somebody last looked. */
  POPPED: 48,
  /** Blocks that were ever used; those at and above it were never touched. */
  FIRST_UNUSED: 64,
  /**
   * Two words: a bit for each waiter that sleeps and that nobody has set out to wake. Bit 31 of the first is set for good
   * once a waiter has used the second; a publication looks at the first alone, mostly.
   */
  SLEEPERS: 80,
  /** Time in queue: for each bucket of `HISTOGRAM_BUCKETS`, how many items, in two words, the low one first. */
  TIME_IN_QUEUE: 128,
  WORDS: 128 + 2 * HISTOGRAM_BUCKETS,
} as const

/** One producer's lane. */
export const LANE = {
  /** Position of the next item to be read. Consumers move it by compare-and-swap, which is what makes items theirs. */
  HEAD: 0,
  /** How often a consumer's exchange of HEAD failed, because another one got the items. */
  RETRIES: 1,
  /** Position after the last published item. Written by the owner only. */
  TAIL: 16,
  /** Position of the probe, a sampled item: see `time-in-queue.ts`. Written by the owner only, as the three below. */
  PROBE: 18,
  /** How many items the probe stands for. */
  PROBE_ITEMS: 19,
  /** float64, ms: when the probe was published. */
  PROBE_TIME: 20,
  /** float64, ms: when the owner last offered an item for a probe. */
  PROBE_OFFERED: 22,
  /** Odd while the four words above are a probe that nobody has popped; grows by one with each change. */
  PROBE_STATE: 24,
  /**
   * Low half: credits, each the right to accept one item. Producers that find the queue full may take them.
   * High half: the position after the last accepted item, modulo 2^16. Both in one word, so that accepting an item is
   * one compare-and-swap and a thread may end at any moment without leaving the two apart.
   */
  CREDIT: 32,
  /** The thread that owns the lane, plus one; 0 for none. */
  OWNER: 33,
  /** The block that takes the next items, up to BLOCK_END. Written by the owner only. */
  BLOCK: 34,
  /** How often TAIL has wrapped. Written by the owner only. */
  WRAPS: 35,
  /** float64: items refused because the queue was full. Written by the owner only. */
  REFUSED: 36,
  /** The position at which BLOCK ends. Once everything before it is accepted, the lane needs another block. Owner only. */
  BLOCK_END: 38,
  /** Fallback engine: odd while the owner has credits or a block in hand; grows by one before and after. Owner only. */
  INTENT: 39,
  /** Fallback engine: LINEAGE_WORDS words, that of OWNER. */
  LINEAGE: 40,
  /** The first publication that reaches this position offers an item for a probe. Owner only, as the two below. */
  PROBE_DUE: 44,
  /** Position up to which items are counted in PROBE_ITEMS. */
  PROBE_SINCE: 45,
  /** How many items were offered since the last probe was popped. */
  PROBE_OFFERS: 46,
  /** Blocks before this position have been taken back by producers. */
  RECLAIMED: 48,
  /**
   * Native engine: 1 while the queue of readable lanes holds this lane or a consumer has it in hand. Not beside TAIL: the owner
   * reads it after each publication, when a consumer may have that line already.
   */
  LISTED: 49,
  WORDS: 64,
} as const

/** One thread's waiting, for one of two ends: blocked, or in its event loop. */
export const WAITER = {
  /** 0: asleep, 1: woken. */
  FUTEX: 0,
  /** The thread that owns the waiter, plus one; 0 for none. */
  OWNER: 1,
  /** WAITER_KIND. Written by the owner only, as the two below. */
  KIND: 2,
  /** How often it was woken. Goes on from owner to owner. */
  WAKE_UPS: 3,
  /** LINEAGE_WORDS words: that of OWNER. */
  LINEAGE: 4,
  /** How often it found something when it looked of itself, uncalled: 0, but for threads that end with a call in hand. */
  RESCUES: 8,
  WORDS: 16,
} as const

/** What lets requests be read in place: while a block is held, it is given to no lane. */
export const HOLDER = {
  /** The thread that owns the holder, plus one; 0 for none. */
  OWNER: 0,
  /** The block, plus one; 0 for none. Native engine: and HOLD_PARKED, once its lane has done with it. */
  HOLD: 1,
  /** Fallback engine: LINEAGE_WORDS words, that of OWNER. */
  LINEAGE: 4,
  WORDS: 16,
} as const

export const WAITER_KIND = {
  /** The thread is stopped in `Atomics.wait`. */
  BLOCKED: 0,
  /** Its event loop is to be called. */
  EVENT_LOOP: 1,
} as const

export const QUEUE_SIZES = {
  /** Threads that can be producers of one queue at the same time. */
  LANES: 64,
  /** 31 in the first word of SLEEPERS, 32 in the second. */
  WAITERS: 63,
  /** Batches of views that may be held at the same time, by all threads. Each keeps a spare block busy. */
  HOLDERS: 32,
  /** In HOLDER.HOLD, above every block: whoever lets go gives the block back. */
  HOLD_PARKED: 131072,
  /** Items. Boost's fixed-size stack of free blocks holds 65,534; this is 32,896 blocks. */
  MAX_CAPACITY: 8388608,
  /** Bytes of a request. */
  MAX_SLOT_BYTES: 1048576,
  /** Credits that a lane takes from the common stock at once, at most, beyond what it needs at that moment. */
  GRANT: 256,
  /** Free blocks for each lane beyond the capacity: its first and its last block may be partly used. */
  SPARE_BLOCKS: 2,
  /** Boost's stack again; directory entries have 16 bits. */
  MAX_BLOCKS: 65534,
  TIME_BUCKETS: HISTOGRAM_BUCKETS,
} as const

/** Everything above that the C++ side must agree on, in the order in which it is fingerprinted and generated. */
export const QUEUE_LAYOUT = {
  header: QUEUE_HEADER,
  lane: LANE,
  waiter: WAITER,
  holder: HOLDER,
  sizes: QUEUE_SIZES,
} as const

/** FNV-1a over every name and value of the layout: 32 bits, unsigned. */
export const queueLayoutFingerprint = (): number =>
  fingerprintOf(JSON.stringify([QUEUE_LAYOUT_VERSION, QUEUE_LAYOUT]))

/** What follows from a capacity and, for requests, the bytes of a slot. Word numbers count from the start of the memory. */
export interface QueueGeometry {
  readonly capacity: number
  readonly slotBytes: number
  readonly blockShift: number
  readonly blocks: number
  readonly directoryShift: number
  readonly itemsWord: number
  /** Bytes of an entry of the items: a ticket, or the length of a request. */
  readonly itemBytes: number
  /** The slots of requests: one for each entry of the items. */
  readonly slabWord: number
  /** Bytes from one slot to the next. */
  readonly slotStride: number
  /** The directories of all lanes, from here to the end. */
  readonly directoryWord: number
  readonly words: number
}

/**
 * @param capacity items, 1 to MAX_CAPACITY
 * @param slotBytes of a request; 0 for tickets
 */
export function queueGeometry(capacity: number, slotBytes = 0): QueueGeometry {
  // Whole 64-bit words: who reads a slot in place finds it aligned for every type of array.
  const slotStride = (slotBytes + 7) & ~7
  const blockShift = slotBytes === 0 ? ticketBlockShift(capacity) : requestBlockShift(capacity, slotStride)
  const blocks = blocksOf(capacity, blockShift, slotBytes)
  // A lane may hold every block, and its directory is addressed by position, so its size is a power of two.
  const directoryShift = 32 - Math.clz32(blocks - 1)
  const itemsWord = holderWord(slotBytes === 0 ? 0 : QUEUE_SIZES.HOLDERS)
  const itemBytes = slotBytes === 0 || slotBytes > 0xffff ? 4 : 2
  const items = blocks << blockShift
  const slabWord = itemsWord + (slotBytes === 0 ? items : wholeLines((items * itemBytes) >> 2))
  const directoryWord = slabWord + (items * slotStride) / 4
  return {
    capacity,
    slotBytes,
    blockShift,
    blocks,
    directoryShift,
    itemsWord,
    itemBytes,
    slabWord,
    slotStride,
    directoryWord,
    words: directoryWord + ((QUEUE_SIZES.LANES << directoryShift) >> 1),
  }
}

const ticketBlockShift = (capacity: number): number => (capacity >= 4096 ? 8 : capacity >= 256 ? 6 : 4)

/** Of 4 to 64 slots: spare blocks are a sixth of the capacity and a block 64 KiB, where that leaves as much as 4 slots. */
function requestBlockShift(capacity: number, slotStride: number): number {
  let shift = 2
  while (shift < 6 && QUEUE_SIZES.LANES << (shift + 5) <= capacity && slotStride << (shift + 1) <= 65536)
    shift++
  while (blocksOf(capacity, shift, slotStride) > QUEUE_SIZES.MAX_BLOCKS) shift++
  return shift
}

const blocksOf = (capacity: number, blockShift: number, slotBytes: number): number =>
  Math.ceil(capacity / (1 << blockShift)) +
  QUEUE_SIZES.LANES * QUEUE_SIZES.SPARE_BLOCKS +
  (slotBytes === 0 ? 0 : QUEUE_SIZES.HOLDERS)

const wholeLines = (words: number): number => (words + 15) & ~15

/** First word of a lane. */
export const laneWord = (lane: number): number => QUEUE_HEADER.WORDS + lane * LANE.WORDS
/** First word of a waiter. */
export const waiterWord = (waiter: number): number => laneWord(QUEUE_SIZES.LANES) + waiter * WAITER.WORDS
/** First word of a holder, in a queue of requests. */
export const holderWord = (holder: number): number => waiterWord(QUEUE_SIZES.WAITERS) + holder * HOLDER.WORDS
