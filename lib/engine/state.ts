import { HandleError } from '../errors.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import { Claims } from './claims.js'
import type { Core, CoreFactory, Segment, WaitingLines } from './contract.js'
import {
  CONTRIBUTION,
  HEADER,
  HISTOGRAM_BUCKETS,
  histogramWord,
  LINE_SHIFT,
  MARK_PROBE,
  SEGMENT_SHIFT,
  SEGMENT_SLOTS,
  SERVICE,
  SERVICE_SEGMENT_RECORDS,
  SERVICE_SEGMENT_SHIFT,
  SLOT,
  serviceConnectionsWord,
  serviceContributionWord,
  serviceWord,
  slotConnectionsWord,
  TICKS_PER_MS,
  threadWord,
} from './layout.js'
import { placesAt, publishLimit } from './limit.js'
import { createRoot, createSegment, createServices, createTickets } from './memory.js'
import { claimThread, isLiving, threadRecords, threadToken } from './threads.js'

const MASK = SEGMENT_SLOTS - 1
const SLOT_SHIFT = 6
const LINE_WORDS = 1 << LINE_SHIFT
const ZERO = 0n
/** A picker takes fewer than 2^21 slots; see `check.ts`. */
const MOST_SLOTS = 2 ** 21
const MOST_SERVICES = 2 ** 20

/** All that a block has beside its root. */
export interface Segments {
  readonly endpoints: readonly Segment[]
  readonly services: readonly Int32Array<SharedArrayBuffer>[]
  /** Of waiting requests. */
  readonly tickets: Int32Array<SharedArrayBuffer>
}

/** How many slots and service records are in use: what other threads say of either names one of them. */
export interface Room {
  readonly slots: number
  readonly services: number
}

/**
 * A balancer's shared memory and this thread's core over it: words by slot and field, nothing of what they mean.
 * The hot fields are touched by the core; what is here serves changes, failures and statistics.
 */
export class SharedState {
  readonly root: Int32Array<SharedArrayBuffer>
  readonly segments: Segment[] = []
  readonly serviceSegments: Int32Array<SharedArrayBuffer>[] = []
  readonly core: Core
  readonly claims: Claims
  /** Index of this thread's record. */
  readonly thread: number
  /** What names this use of that record; see `threadToken`. */
  readonly token: number
  readonly maxThreads: number
  readonly #floats: Float32Array[] = []
  readonly #doubles: Float64Array[] = []
  readonly #bigs: BigInt64Array[] = []
  /** Once set, the block grows no more: every thread that shares it has all of it. */
  #fixed: Segments | undefined
  #tickets: Int32Array<SharedArrayBuffer> | undefined
  #lines: WaitingLines | undefined

  private constructor(root: Int32Array<SharedArrayBuffer>, factory: CoreFactory) {
    this.root = root
    this.maxThreads = threadRecords(root)
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
  static attach(root: Int32Array<SharedArrayBuffer>, segments: Segments, factory: CoreFactory): SharedState {
    const state = new SharedState(root, factory)
    state.#fixed = segments
    state.followGrowth()
    return state
  }

  /** Allocates all the segments that there will ever be, at least for so many slots and services, and returns them. */
  fix(slots: number, services: number): Segments {
    if (this.#fixed === undefined) {
      const endpoints = [...this.segments]
      while (endpoints.length << SEGMENT_SHIFT < slots) endpoints.push(createSegment(this.maxThreads))
      const records = [...this.serviceSegments]
      const missing = Math.ceil(services / SERVICE_SEGMENT_RECORDS) - records.length
      if (missing > 0) records.push(...createServices(this.maxThreads, missing))
      this.#fixed = { endpoints, services: records, tickets: this.tickets }
    }
    return this.#fixed
  }

  /** Tickets of waiting requests. */
  get tickets(): Int32Array<SharedArrayBuffer> {
    this.#tickets ??= this.#fixed?.tickets ?? createTickets()
    return this.#tickets
  }

  /** The lines of waiting requests. */
  get lines(): WaitingLines {
    this.#lines ??= this.core.openLines(this.tickets)
    return this.#lines
  }

  /** Calls every living thread whose number is `thread` modulo `modulus` to look at its waiting requests. */
  callThreads(thread: number, modulus: number): void {
    for (let one = thread; one < this.maxThreads; one += modulus)
      if (isLiving(this.root, one)) this.lines.call(threadToken(this.root, one))
  }

  /** Slots that there will ever be. */
  get capacity(): number {
    return this.#fixed === undefined ? MOST_SLOTS : this.#fixed.endpoints.length << SEGMENT_SHIFT
  }

  /** Service records that there will ever be. */
  get serviceCapacity(): number {
    return this.#fixed === undefined ? MOST_SERVICES : this.#fixed.services.length << SERVICE_SEGMENT_SHIFT
  }

  /** What is in use now, with the segments that it takes. */
  get room(): Room {
    this.followGrowth()
    return { slots: this.slotsUsed, services: this.servicesUsed }
  }

  /** Slots ever handed out, by any thread; those below it may be free again. */
  get slotsUsed(): number {
    return Math.min(Atomics.load(this.root, HEADER.SLOTS_USED) >>> 0, this.capacity)
  }

  /** Service records ever handed out, by any thread; those below it may be free again. */
  get servicesUsed(): number {
    return Math.min(Atomics.load(this.root, HEADER.SERVICES_USED) >>> 0, this.serviceCapacity)
  }

  /** Slots of the segments that this thread has taken into use. */
  get segmentSlots(): number {
    return this.segments.length << SEGMENT_SHIFT
  }

  /** Service records of the segments that this thread has taken into use. */
  get servicesAttached(): number {
    return Math.min(this.servicesUsed, this.serviceSegments.length << SERVICE_SEGMENT_SHIFT)
  }

  /** Takes the segments into use in which other threads have handed out slots and service records. */
  followGrowth(): void {
    while (this.segments.length << SEGMENT_SHIFT < this.slotsUsed) this.#useNextSegment()
    while (this.serviceSegments.length << SERVICE_SEGMENT_SHIFT < this.servicesUsed) this.#useNextServices()
  }

  /** This thread's record was given back: nothing may be written any more, an `end` least of all. */
  detached = false

  /** A field of this thread's record. */
  threadField(field: number): number {
    return threadWord(this.thread) + field
  }

  /** (S1), (S3): an acquire load. Who sees no request in flight sees all that the ended ones wrote. */
  get(slot: number, field: number): number {
    return Atomics.load(this.segments[slot >>> SEGMENT_SHIFT].cells, ((slot & MASK) << SLOT_SHIFT) + field)
  }

  /** As `get`, by a plain load: for choices, where a value that is a moment old does no harm. */
  peek(slot: number, field: number): number {
    return this.segments[slot >>> SEGMENT_SHIFT].cells[((slot & MASK) << SLOT_SHIFT) + field]
  }

  /** (S2): a setting stands for itself. Whoever reads it a moment late runs by the one before. */
  set(slot: number, field: number, value: number): void {
    Atomics.store(this.segments[slot >>> SEGMENT_SHIFT].cells, ((slot & MASK) << SLOT_SHIFT) + field, value)
  }

  /** Requests in flight that a slot is allowed; 0: no limit. What was found out of it stays. */
  setLimit(slot: number, most: number): void {
    this.set(slot, SLOT.MOST, most)
    publishLimit(this.segments[slot >>> SEGMENT_SHIFT], slot)
  }

  /** Requests that a slot takes now, counted up to `enough`. */
  places(slot: number, enough: number): number {
    return placesAt(this.segments[slot >>> SEGMENT_SHIFT].cells, (slot & MASK) << SLOT_SHIFT, enough)
  }

  /** Adds and returns the value before. */
  add(slot: number, field: number, value: number): number {
    return Atomics.add(
      this.segments[slot >>> SEGMENT_SHIFT].cells,
      ((slot & MASK) << SLOT_SHIFT) + field,
      value,
    )
  }

  /** True where the word was `expected` and is `next` now. (S5): an agent's word never takes the place of an operator's. */
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

  /**
   * Adds the 256 counts of a slot's latency histogram, as they are now, to `into`. Returns the lines in which there were any:
   * bit `n` for the 16 buckets from `16 n` on. Of a hundred thousand slots most lines have nothing in them.
   */
  addHistogram(slot: number, into: Float64Array): number {
    const { histograms } = this.segments[slot >>> SEGMENT_SHIFT]
    let lines = 0
    for (let first = 0; first < HISTOGRAM_BUCKETS; first += LINE_WORDS) {
      const line = histogramWord(slot, first)
      for (let i = 0; i < LINE_WORDS; i++) {
        const count = histograms[line + i] >>> 0
        if (count === 0) continue
        into[first + i] += count
        lines |= 1 << (first >> LINE_SHIFT)
      }
    }
    return lines
  }

  /** The segment that holds a service's record: what `serviceField` and `serviceContribution` number words of. */
  serviceWords(service: number): Int32Array<SharedArrayBuffer> {
    return this.serviceSegments[service >>> SERVICE_SEGMENT_SHIFT]
  }

  /** Word of a field of a service's record in `serviceWords(service)`. */
  serviceField(service: number, field: number): number {
    return serviceWord(service) + field
  }

  serviceTotal(service: number, field: number): number {
    return readU64(this.serviceWords(service), this.serviceField(service, field))
  }

  /** Adds one to a 64-bit total of a service. */
  countService(service: number, field: number): void {
    const words = this.serviceWords(service)
    const word = this.serviceField(service, field)
    // The carry is counted by whoever made the low word wrap; readers see at worst a moment without it.
    if (Atomics.add(words, word, 1) === -1) Atomics.add(words, word + 1, 1)
  }

  /** Tells every thread that the usable endpoints of a service may have changed. */
  touchFilter(service: number): void {
    Atomics.add(this.serviceWords(service), this.serviceField(service, SERVICE.FILTER_EPOCH), 1)
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

  /** First word, in `serviceWords(service)`, of a thread's contribution to a service's own count. */
  serviceContribution(thread: number, service: number): number {
    return serviceContributionWord(thread, service)
  }

  /** The same of its contribution to the service's counts of connections. */
  serviceConnections(thread: number, service: number): number {
    return serviceConnectionsWord(this.maxThreads, thread, service)
  }

  /** First word of a slot, in its segment's cells. */
  slotWord(slot: number): number {
    return (slot & MASK) << SLOT_SHIFT
  }

  /** First word of a thread's contribution to a slot's counts of connections, in its segment's `connections`. */
  slotConnections(thread: number, slot: number): number {
    return slotConnectionsWord(thread, slot)
  }

  segmentOf(slot: number): Segment {
    return this.segments[slot >>> SEGMENT_SHIFT]
  }

  #contributionWord(thread: number, slot: number): number {
    return (thread * SEGMENT_SLOTS + (slot & MASK)) * CONTRIBUTION.WORDS
  }

  #useNextSegment(): void {
    const index = this.segments.length
    const segment = this.#fixed?.endpoints[index] ?? createSegment(this.maxThreads)
    this.#floats.push(new Float32Array(segment.cells.buffer))
    this.#doubles.push(new Float64Array(segment.cells.buffer))
    this.#bigs.push(new BigInt64Array(segment.cells.buffer))
    this.segments.push(segment)
    this.core.addSegment(index, segment)
  }

  #useNextServices(): void {
    const index = this.serviceSegments.length
    const words = this.#fixed?.services[index] ?? createServices(this.maxThreads)[0]
    this.serviceSegments.push(words)
    this.core.addServices(index, words)
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
