import { seedRandom } from '../../lib/engine/atomics/random.js'
import type { Core, CoreFactory, Segment } from '../../lib/engine/contract.js'
import {
  CONTRIBUTION,
  DISTRIBUTOR,
  type DistributorCode,
  HEADER,
  HISTOGRAM_BUCKETS,
  histogramWord,
  METRIC,
  type MetricCode,
  SEGMENT_SHIFT,
  SEGMENT_SLOTS,
  SLOT,
  SLOT_FLAGS,
  THREAD,
  TICKS_PER_MS,
  threadWord,
} from '../../lib/engine/layout.js'
import { createRoot, createSegment, createServices } from '../../lib/engine/memory.js'

const MAX_THREADS = 8
const MASK = SEGMENT_SLOTS - 1

export interface SlotSettings {
  limit?: number
  weight?: number
  decayMs?: number
  peak?: boolean
  /** Index of the histogram; -1: none. Default: the slot's own. */
  histogram?: number
}

/** A formatted block with a manual clock at 1,000,000 ms, its slots ready, and access to single fields. */
export class Block {
  readonly root: Int32Array<SharedArrayBuffer>
  /** Of the services 0 to 255. */
  readonly services = createServices(MAX_THREADS)[0]
  readonly segments: Segment[] = []
  readonly seed: number

  constructor(slots: number, settings: SlotSettings = {}, seed = 1) {
    this.seed = seed
    this.root = createRoot('fallback', seed, MAX_THREADS)
    for (let s = 0; s << SEGMENT_SHIFT < slots; s++) this.segments.push(createSegment(MAX_THREADS))
    for (let slot = 0; slot < slots; slot++) this.configure(slot, settings)
    this.root[HEADER.CLOCK_MODE] = 1
    this.setNow(1_000_000)
  }

  /** A core over this block as thread number `thread`. */
  core(factory: CoreFactory, thread = 0): Core {
    seedRandom(this.root, threadWord(thread) + THREAD.RANDOM, this.seed, thread)
    const core = factory.createCore(this.root, thread)
    core.addServices(0, this.services)
    for (const [index, segment] of this.segments.entries()) core.addSegment(index, segment)
    return core
  }

  configure(slot: number, settings: SlotSettings): void {
    const { limit = 0, weight = 1, decayMs = 10_000, peak = false, histogram = slot } = settings
    this.set(slot, SLOT.LIMIT, limit)
    this.setFloat(slot, SLOT.WEIGHT, weight)
    this.setFloat(slot, SLOT.DECAY_MS, decayMs)
    this.set(slot, SLOT.FLAGS, peak ? SLOT_FLAGS.PEAK : 0)
    this.set(slot, SLOT.HISTOGRAM, histogram + 1)
  }

  setNow(ms: number): void {
    new Float64Array(this.root.buffer, HEADER.MANUAL_NOW * 4, 1)[0] = ms
  }

  get(slot: number, field: number): number {
    return this.#cells(slot)[this.#at(slot) + field]
  }

  set(slot: number, field: number, value: number): void {
    this.#cells(slot)[this.#at(slot) + field] = value
  }

  setFloat(slot: number, field: number, value: number): void {
    new Float32Array(this.#cells(slot).buffer)[this.#at(slot) + field] = value
  }

  /** An unsigned 64-bit field. */
  total(slot: number, field: number): bigint {
    return new BigUint64Array(this.#cells(slot).buffer)[(this.#at(slot) + field) >> 1]
  }

  setTotal(slot: number, field: number, value: bigint): void {
    new BigUint64Array(this.#cells(slot).buffer)[(this.#at(slot) + field) >> 1] = value
  }

  /** The packed latency: the average as stored, and its time stamp in ticks. */
  latency(slot: number): { average: number; ticks: number } {
    const at = this.#at(slot) + SLOT.LATENCY
    return { average: new Float32Array(this.#cells(slot).buffer)[at + 1], ticks: this.#cells(slot)[at] }
  }

  setLatency(slot: number, average: number, nowMs: number): void {
    this.set(slot, SLOT.LATENCY, (nowMs * TICKS_PER_MS) | 0)
    this.setFloat(slot, SLOT.LATENCY + 1, average)
  }

  contribution(slot: number, thread: number): number {
    const { contributions } = this.segments[slot >>> SEGMENT_SHIFT]
    return contributions[
      (thread * SEGMENT_SLOTS + (slot & MASK)) * CONTRIBUTION.WORDS + CONTRIBUTION.IN_FLIGHT
    ]
  }

  /** The filled buckets of a histogram, as bucket: count. */
  buckets(histogram: number): Record<number, number> {
    const words = this.segments[histogram >>> SEGMENT_SHIFT].histograms
    const filled: Record<number, number> = {}
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      const count = words[histogramWord(histogram, bucket)]
      if (count !== 0) filled[bucket] = count
    }
    return filled
  }

  /** Every word of the block. */
  *regions(): Iterable<readonly [string, Int32Array]> {
    yield ['root', this.root]
    yield ['services', this.services]
    for (const [index, segment] of this.segments.entries()) {
      yield [`segment ${index}, cells`, segment.cells]
      yield [`segment ${index}, contributions`, segment.contributions]
      yield [`segment ${index}, histograms`, segment.histograms]
    }
  }

  #cells(slot: number): Int32Array {
    return this.segments[slot >>> SEGMENT_SHIFT].cells
  }

  #at(slot: number): number {
    return (slot & MASK) * SLOT.WORDS
  }
}

const DISTRIBUTORS = {
  'round robin': DISTRIBUTOR.ROUND_ROBIN,
  random: DISTRIBUTOR.RANDOM,
  'two choices': DISTRIBUTOR.TWO_CHOICES,
} as const
export type DistributorName = keyof typeof DISTRIBUTORS
export const distributorNames = Object.keys(DISTRIBUTORS) as DistributorName[]

/** What `core.picker` takes, by name, over the given slots. */
export function spec(
  distributor: DistributorName,
  slots: number | readonly number[],
  metric: 'in-flight' | 'latency' = 'in-flight',
  service = 0,
): { distributor: DistributorCode; metric: MetricCode; service: number; slots: Uint32Array } {
  return {
    distributor: DISTRIBUTORS[distributor],
    metric: metric === 'latency' ? METRIC.LATENCY : METRIC.IN_FLIGHT,
    service,
    slots:
      typeof slots === 'number' ? Uint32Array.from({ length: slots }, (_, i) => i) : Uint32Array.from(slots),
  }
}
