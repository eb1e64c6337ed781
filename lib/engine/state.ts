import { HandleError } from '../errors.js'
import { Claims } from './claims.js'
import type { Core, CoreFactory, Segment } from './contract.js'
import {
  CONTRIBUTION,
  HEADER,
  HISTOGRAM_BUCKETS,
  histogramWord,
  MARK_PROBE,
  SEGMENT_SHIFT,
  SEGMENT_SLOTS,
  SERVICE,
  SLOT,
  serviceContributionWord,
  serviceWord,
  TICKS_PER_MS,
  threadWord,
} from './layout.js'
import { createRoot, createSegment } from './memory.js'
import { claimThread, threadToken } from './threads.js'

const MASK = SEGMENT_SLOTS - 1
const SLOT_SHIFT = 6
const TWO_TO_32 = 4294967296
const ZERO = 0n

/**
 * A balancer's shared memory and this thread's core over it: words by slot and field, nothing of what they mean.
 * The hot fields are touched by the core; what is here serves changes, failures and statistics.
 */
export class SharedState {
  readonly root: Int32Array<SharedArrayBuffer>
  readonly segments: Segment[] = []
  readonly core: Core
  readonly claims: Claims
  /** Index of this thread's record. */
  readonly thread: number
  /** What names this use of that record; see `threadToken`. */
  readonly token: number
  readonly maxThreads: number
  readonly maxServices: number
  readonly #floats: Float32Array[] = []
  readonly #doubles: Float64Array[] = []
  readonly #bigs: BigInt64Array[] = []
  /** Once set, the block grows no more: every thread that shares it has all of it. */
  #fixedSegments: readonly Segment[] | undefined

  private constructor(root: Int32Array<SharedArrayBuffer>, factory: CoreFactory) {
    this.root = root
    this.maxThreads = root[HEADER.MAX_THREADS]
    this.maxServices = root[HEADER.MAX_SERVICES]
    this.thread = claimThread(root)
    if (this.thread < 0) {
      throw new HandleError(
        `All ${this.maxThreads} thread records of this balancer are taken; an attached balancer gives its own back when it is stopped or its thread ends`,
      )
    }
    this.token = threadToken(root, this.thread)
    this.core = factory.createCore(root, this.thread)
    this.claims = new Claims(this)
  }

  /** A block of its own, which grows with what is put into it. */
  static create(kind: 'native' | 'fallback', factory: CoreFactory, seed: number): SharedState {
    const root = createRoot(kind, seed)
    root.set(crypto.getRandomValues(new Int32Array(2)), HEADER.ID)
    return new SharedState(root, factory)
  }

  /** Another thread's block. Throws `HandleError` where it has no thread record left. */
  static attach(
    root: Int32Array<SharedArrayBuffer>,
    segments: readonly Segment[],
    factory: CoreFactory,
  ): SharedState {
    const state = new SharedState(root, factory)
    state.#fixedSegments = segments
    state.followGrowth()
    return state
  }

  /** Allocates all the segments that there will ever be, at least for `slots`, and returns them. */
  fix(slots: number): readonly Segment[] {
    if (this.#fixedSegments === undefined) {
      const all = [...this.segments]
      while (all.length << SEGMENT_SHIFT < slots) all.push(createSegment(this.maxThreads))
      this.#fixedSegments = all
    }
    return this.#fixedSegments
  }

  /** Slots that there will ever be. */
  get capacity(): number {
    return this.#fixedSegments === undefined
      ? Number.POSITIVE_INFINITY
      : this.#fixedSegments.length << SEGMENT_SHIFT
  }

  /** Slots ever handed out, by any thread; those below it may be free again. */
  get slotsUsed(): number {
    return Math.min(Atomics.load(this.root, HEADER.SLOTS_USED), this.capacity)
  }

  /** Slots of the segments that this thread has taken into use. */
  get segmentSlots(): number {
    return this.segments.length << SEGMENT_SHIFT
  }

  /** Takes the segments into use in which other threads have handed out slots. */
  followGrowth(): void {
    while (this.segments.length << SEGMENT_SHIFT < this.slotsUsed) this.#useNextSegment()
  }

  /** This thread's record was given back: nothing may be written any more, an `end` least of all. */
  detached = false

  /** A field of this thread's record. */
  threadField(field: number): number {
    return threadWord(this.thread) + field
  }

  get(slot: number, field: number): number {
    return Atomics.load(this.segments[slot >>> SEGMENT_SHIFT].cells, ((slot & MASK) << SLOT_SHIFT) + field)
  }

  /** As `get`, by a plain load: for choices, where a value that is a moment old does no harm. */
  peek(slot: number, field: number): number {
    return this.segments[slot >>> SEGMENT_SHIFT].cells[((slot & MASK) << SLOT_SHIFT) + field]
  }

  set(slot: number, field: number, value: number): void {
    Atomics.store(this.segments[slot >>> SEGMENT_SHIFT].cells, ((slot & MASK) << SLOT_SHIFT) + field, value)
  }

  /** Adds and returns the value before. */
  add(slot: number, field: number, value: number): number {
    return Atomics.add(
      this.segments[slot >>> SEGMENT_SHIFT].cells,
      ((slot & MASK) << SLOT_SHIFT) + field,
      value,
    )
  }

  /** True where the word was `expected` and is `next` now. */
  exchange(slot: number, field: number, expected: number, next: number): boolean {
    const cells = this.segments[slot >>> SEGMENT_SHIFT].cells
    return Atomics.compareExchange(cells, ((slot & MASK) << SLOT_SHIFT) + field, expected, next) === expected
  }

  getFloat(slot: number, field: number): number {
    return this.#floats[slot >>> SEGMENT_SHIFT][((slot & MASK) << SLOT_SHIFT) + field]
  }

  setFloat(slot: number, field: number, value: number): void {
    this.#floats[slot >>> SEGMENT_SHIFT][((slot & MASK) << SLOT_SHIFT) + field] = value
  }

  getDouble(slot: number, field: number): number {
    return this.#doubles[slot >>> SEGMENT_SHIFT][(((slot & MASK) << SLOT_SHIFT) + field) >> 1]
  }

  setDouble(slot: number, field: number, value: number): void {
    this.#doubles[slot >>> SEGMENT_SHIFT][(((slot & MASK) << SLOT_SHIFT) + field) >> 1] = value
  }

  /** Sets the latency average as if one sample of `ms` had just come. */
  setLatency(slot: number, ms: number): void {
    const at = ((slot & MASK) << SLOT_SHIFT) + SLOT.LATENCY
    Atomics.store(this.segments[slot >>> SEGMENT_SHIFT].cells, at, (this.core.now() * TICKS_PER_MS) | 0)
    this.#floats[slot >>> SEGMENT_SHIFT][at + 1] = ms
  }

  /** Moves a 64-bit total to another slot. Each word is taken before it is added: a thread that ends in between loses it, none doubles it. */
  moveTotal(from: number, to: number, field: number): void {
    const [source, target] = [this.#bigs[from >>> SEGMENT_SHIFT], this.#bigs[to >>> SEGMENT_SHIFT]]
    const word = (slot: number) => (((slot & MASK) << SLOT_SHIFT) + field) >> 1
    Atomics.add(target, word(to), Atomics.exchange(source, word(from), ZERO))
  }

  /** Moves a latency histogram to another slot, bucket by bucket. */
  moveHistogram(from: number, to: number): void {
    const source = this.segments[from >>> SEGMENT_SHIFT].histograms
    const target = this.segments[to >>> SEGMENT_SHIFT].histograms
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      const count = Atomics.exchange(source, histogramWord(from, bucket), 0)
      if (count !== 0) Atomics.add(target, histogramWord(to, bucket), count)
    }
  }

  /** A 64-bit total as a number; exact up to 2^53. */
  total(slot: number, field: number): number {
    const cells = this.segments[slot >>> SEGMENT_SHIFT].cells
    return readU64(cells, ((slot & MASK) << SLOT_SHIFT) + field)
  }

  /** The 256 counts of a slot's latency histogram, as they are now. */
  histogram(slot: number): Int32Array {
    const { histograms } = this.segments[slot >>> SEGMENT_SHIFT]
    return Int32Array.from(
      { length: HISTOGRAM_BUCKETS },
      (_, bucket) => histograms[histogramWord(slot, bucket)],
    )
  }

  /** Word number of a field of a service's record in `root`. */
  serviceField(service: number, field: number): number {
    return serviceWord(this.maxThreads, service) + field
  }

  serviceTotal(service: number, field: number): number {
    return readU64(this.root, this.serviceField(service, field))
  }

  /** Adds one to a 64-bit total of a service. */
  countService(service: number, field: number): void {
    const word = this.serviceField(service, field)
    // The carry is counted by whoever made the low word wrap; readers see at worst a moment without it.
    if (Atomics.add(this.root, word, 1) === -1) Atomics.add(this.root, word + 1, 1)
  }

  /** Tells every thread that the usable endpoints of a service may have changed. */
  touchFilter(service: number): void {
    Atomics.add(this.root, this.serviceField(service, SERVICE.FILTER_EPOCH), 1)
  }

  /** Requests of a thread in flight to a slot. */
  contribution(thread: number, slot: number): number {
    return Atomics.load(
      this.segments[slot >>> SEGMENT_SHIFT].contributions,
      this.#contributionWord(thread, slot) + CONTRIBUTION.IN_FLIGHT,
    )
  }

  /** Of those, requests whose answer has begun. */
  openContribution(thread: number, slot: number): number {
    return Atomics.load(
      this.segments[slot >>> SEGMENT_SHIFT].contributions,
      this.#contributionWord(thread, slot) + CONTRIBUTION.OPEN,
    )
  }

  /** Requests of all threads that a slot has not begun to answer. */
  unanswered(slot: number): number {
    return Math.max(0, this.get(slot, SLOT.IN_FLIGHT) - this.get(slot, SLOT.OPEN))
  }

  /** ms since the first request to a slot that nothing was answered after; 0 where nothing is unanswered. */
  silentMs(slot: number, now: number): number {
    const since = this.peek(slot, SLOT.SILENT_SINCE)
    if (since === 0 || this.unanswered(slot) === 0) return 0
    return Math.max(0, (((now * TICKS_PER_MS) | 0) - since) | 0) / TICKS_PER_MS
  }

  /** Notes whether this thread holds the slot's probe request, so that it can be given up for it should it end. */
  holdProbe(slot: number, holds: boolean): void {
    const { contributions } = this.segments[slot >>> SEGMENT_SHIFT]
    const word = this.#contributionWord(this.thread, slot) + CONTRIBUTION.MARK
    if (holds) Atomics.or(contributions, word, MARK_PROBE)
    else Atomics.and(contributions, word, ~MARK_PROBE)
  }

  /** Clears the mark of `holdProbe` for a thread that has ended; whether it was set. */
  takeProbe(thread: number, slot: number): boolean {
    const { contributions } = this.segments[slot >>> SEGMENT_SHIFT]
    const word = this.#contributionWord(thread, slot) + CONTRIBUTION.MARK
    return (Atomics.and(contributions, word, ~MARK_PROBE) & MARK_PROBE) !== 0
  }

  /** First word, in `root`, of a thread's contribution to a service's own count. */
  serviceContribution(thread: number, service: number): number {
    return serviceContributionWord(this.maxThreads, this.maxServices, thread, service)
  }

  #contributionWord(thread: number, slot: number): number {
    return (thread * SEGMENT_SLOTS + (slot & MASK)) * CONTRIBUTION.WORDS
  }

  #useNextSegment(): void {
    const index = this.segments.length
    const segment = this.#fixedSegments?.[index] ?? createSegment(this.maxThreads)
    this.#floats.push(new Float32Array(segment.cells.buffer))
    this.#doubles.push(new Float64Array(segment.cells.buffer))
    this.#bigs.push(new BigInt64Array(segment.cells.buffer))
    this.segments.push(segment)
    this.core.addSegment(index, segment)
  }
}

/** High word, low word, high word again: a total that carries in between is read once more. */
function readU64(words: Int32Array, at: number): number {
  for (;;) {
    const high = Atomics.load(words, at + 1) >>> 0
    const low = Atomics.load(words, at) >>> 0
    if (Atomics.load(words, at + 1) >>> 0 === high) return high * TWO_TO_32 + low
  }
}
