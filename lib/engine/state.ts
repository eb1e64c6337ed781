import type { Core, CoreFactory, Segment } from './contract.js'
import { seedRandom } from './fallback/random.js'
import {
  HEADER,
  HISTOGRAM_BUCKETS,
  histogramWord,
  SEGMENT_SHIFT,
  SEGMENT_SLOTS,
  SERVICE,
  SLOT,
  serviceWord,
  THREAD,
  TICKS_PER_MS,
  threadWord,
} from './layout.js'
import { createRoot, createSegment, type MemoryHandle } from './memory.js'

const MASK = SEGMENT_SLOTS - 1
const SLOT_SHIFT = 5
const TWO_TO_32 = 4294967296

/**
 * A balancer's shared memory and this thread's core over it: words by slot and field, nothing of what they mean.
 * The hot fields are touched by the core; what is here serves changes, failures and statistics.
 */
export class SharedState {
  readonly root: Int32Array<SharedArrayBuffer>
  readonly segments: Segment[] = []
  readonly core: Core
  readonly maxThreads: number
  readonly maxServices: number
  readonly #floats: Float32Array[] = []
  readonly #doubles: Float64Array[] = []
  readonly #freeSlots: number[] = []
  readonly #freeServices: number[] = []
  #servicesUsed = 0

  private constructor(root: Int32Array<SharedArrayBuffer>, factory: CoreFactory) {
    this.root = root
    this.maxThreads = root[HEADER.MAX_THREADS]
    this.maxServices = root[HEADER.MAX_SERVICES]
    this.core = factory.createCore(root, claimThread(root))
  }

  static create(kind: 'native' | 'fallback', factory: CoreFactory, seed: number): SharedState {
    return new SharedState(createRoot(kind, seed), factory)
  }

  get handle(): MemoryHandle {
    return {
      root: this.root.buffer,
      segments: this.segments.map(({ cells, contributions, histograms }) => ({
        cells: cells.buffer,
        contributions: contributions.buffer,
        histograms: histograms.buffer,
      })),
    }
  }

  /** A slot of its own for an endpoint, all words zero but its generation; chains another segment where all are taken. */
  takeSlot(): number {
    let slot = this.#freeSlots.pop()
    if (slot === undefined) {
      slot = Atomics.add(this.root, HEADER.SLOTS_USED, 1)
      if (slot >>> SEGMENT_SHIFT === this.segments.length) this.#chainSegment()
    }
    const cells = this.segments[slot >>> SEGMENT_SHIFT].cells
    const at = (slot & MASK) << SLOT_SHIFT
    for (let word = 0; word < SLOT.WORDS; word++)
      if (word !== SLOT.GENERATION) Atomics.store(cells, at + word, 0)
    const { histograms } = this.segments[slot >>> SEGMENT_SHIFT]
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) histograms[histogramWord(slot, bucket)] = 0
    Atomics.add(cells, at + SLOT.GENERATION, 1)
    return slot
  }

  /** Gives a slot back. Only at zero in flight: a late `end` would write into the next owner's words. */
  freeSlot(slot: number): void {
    this.add(slot, SLOT.GENERATION, 1)
    this.#freeSlots.push(slot)
  }

  /** Index of a free service record, or -1 when all are taken. */
  takeService(): number {
    const index =
      this.#freeServices.pop() ?? (this.#servicesUsed < this.maxServices ? this.#servicesUsed++ : -1)
    if (index >= 0) {
      const at = serviceWord(this.maxThreads, index)
      for (let word = 0; word < SERVICE.WORDS; word++) Atomics.store(this.root, at + word, 0)
    }
    return index
  }

  freeService(index: number): void {
    this.#freeServices.push(index)
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

  #chainSegment(): void {
    const segment = createSegment(this.maxThreads)
    this.#floats.push(new Float32Array(segment.cells.buffer))
    this.#doubles.push(new Float64Array(segment.cells.buffer))
    this.segments.push(segment)
    this.core.addSegment(this.segments.length - 1, segment)
  }
}

/** Claims the first free thread record, odd epoch, and seeds its random generator. */
function claimThread(root: Int32Array): number {
  for (let thread = 0; thread < root[HEADER.MAX_THREADS]; thread++) {
    const at = threadWord(thread)
    const epoch = Atomics.load(root, at + THREAD.EPOCH)
    if ((epoch & 1) === 0 && Atomics.compareExchange(root, at + THREAD.EPOCH, epoch, epoch + 1) === epoch) {
      seedRandom(root, at + THREAD.RANDOM, root[HEADER.SEED], thread)
      return thread
    }
  }
  return -1
}

/** High word, low word, high word again: a total that carries in between is read once more. */
function readU64(words: Int32Array, at: number): number {
  for (;;) {
    const high = Atomics.load(words, at + 1) >>> 0
    const low = Atomics.load(words, at) >>> 0
    if (Atomics.load(words, at + 1) >>> 0 === high) return high * TWO_TO_32 + low
  }
}
