import { TWO_TO_32, toBelow } from '../../runtime/bits.js'
import { monotonicNow } from '../../runtime/clock.js'
import { leavesFirst } from '../choice.js'
import type { Core, Picker, PickerSpec, Segment, WaitingLines } from '../contract.js'
import { badPosition, checkSpec, unknownSlot } from '../invalid-arguments.js'
import {
  CONTRIBUTION,
  DISTRIBUTOR,
  HEADER,
  histogramWord,
  MARK_BUSY,
  MAX_LATENCY_MS,
  METRIC,
  OUTCOME,
  type OutcomeCode,
  SEGMENT_SHIFT,
  SEGMENT_SLOTS,
  SERVICE,
  SERVICE_SEGMENT_SHIFT,
  SLOT,
  SLOT_FLAGS,
  serviceWord,
  THREAD,
  TICKS_PER_MS,
  threadWord,
} from '../layout.js'
import { hasPlace } from '../limit.js'
import { addToOwn } from '../ordering.js'
import { type DrawTable, drawn, drawOther, nextTurn } from '../weighted-draw.js'
import { expNegative } from './decay.js'
import { bucketOf } from './histogram.js'
import { AtomicsLines } from './lines.js'
import { nextRandom } from './random.js'
import { reclaimSlots } from './reclaim.js'

const MASK = SEGMENT_SLOTS - 1
const SLOT_SHIFT = 6
const CONTRIBUTION_SHIFT = 2

/** Eight bytes of private memory through which a packed latency word is taken apart and put together. */
const punned = new ArrayBuffer(8)
const asBigInt = new BigInt64Array(punned)
const asFloat64 = new Float64Array(punned)
const asInt32 = new Int32Array(punned)
const asFloat32 = new Float32Array(punned)

const BIG_ONE = 1n

/**
 * The hot path on `Atomics`. Plain loads are used where a stale value only makes a choice slightly worse. Numbers in
 * brackets are those of docs/concurrency/counters.md, where each operation has its partner; all `Atomics` are sequentially
 * consistent.
 */
export class AtomicsCore implements Core {
  readonly thread: number
  readonly #root: Int32Array
  readonly #manualNow: Float64Array
  readonly #randomAt: number
  /** Service segments, by number. */
  readonly #services: Int32Array[] = []
  /** Views of each segment, by segment number. */
  readonly #cells: Int32Array[] = []
  readonly #floats: Float32Array[] = []
  readonly #doubles: Float64Array[] = []
  readonly #bigs: BigInt64Array[] = []
  /** This thread's own column of each segment. */
  readonly #mine: Int32Array[] = []
  readonly #histograms: Int32Array[] = []
  readonly #segments: Segment[] = []
  #slots = 0
  #startedAt = 0
  #endedAt = 0

  constructor(root: Int32Array<SharedArrayBuffer>, thread: number) {
    this.thread = thread
    this.#root = root
    this.#manualNow = new Float64Array(root.buffer, HEADER.MANUAL_NOW * 4, 1)
    this.#randomAt = threadWord(thread) + THREAD.RANDOM
  }

  addServices(index: number, words: Int32Array<SharedArrayBuffer>): void {
    this.#services[index] = words
  }

  addSegment(index: number, segment: Segment): void {
    this.#slots = (index + 1) << SEGMENT_SHIFT
    const { cells, contributions, histograms } = segment
    this.#cells[index] = cells
    this.#floats[index] = new Float32Array(cells.buffer)
    this.#doubles[index] = new Float64Array(cells.buffer)
    this.#bigs[index] = new BigInt64Array(cells.buffer)
    const columnWords = SEGMENT_SLOTS * CONTRIBUTION.WORDS
    this.#mine[index] = contributions.subarray(this.thread * columnWords, (this.thread + 1) * columnWords)
    this.#histograms[index] = histograms
    this.#segments[index] = segment
  }

  now(): number {
    // (C1), (C2) Plain: one thread sets mode and time, and it is the one that simulates.
    return this.#root[HEADER.CLOCK_MODE] === 0 ? monotonicNow() : this.#manualNow[0]
  }

  random(): number {
    return nextRandom(this.#root, this.#randomAt)
  }

  startedAt(): number {
    return this.#startedAt
  }

  endedAt(): number {
    return this.#endedAt
  }

  reserve(slot: number): boolean {
    if (this.#cells[slot >>> SEGMENT_SHIFT] === undefined) throw unknownSlot(slot, this.#slots)
    const now = this.now()
    if (!this.#take(slot, ticksOf(now))) return false
    this.#startedAt = now
    return true
  }

  /** The reservation itself: this thread's contribution first, then the shared count, by compare-and-swap below the limit. */
  #take(slot: number, ticks: number): boolean {
    const segment = slot >>> SEGMENT_SHIFT
    const cells = this.#cells[segment]
    if (cells === undefined) return false // disposed of
    const at = (slot & MASK) << SLOT_SHIFT
    const mine = this.#mine[segment]
    const own = (slot & MASK) << CONTRIBUTION_SHIFT
    const limit = cells[at + SLOT.LIMIT] // (C12) a limit of a moment ago will do
    if (limit === 0) {
      addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) busy: an operation is under way
      addToOwn(mine, own, 1) // (C3) own word: no exchange needed
      const before = Atomics.add(cells, at + SLOT.IN_FLIGHT, 1) // (C4) shows (C3) to whoever sees the count
      addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) done: both words agree
      beginSilence(cells, at, before, ticks)
      return true
    }
    let seen = cells[at + SLOT.IN_FLIGHT] // (C5) a guess, which (C4) checks
    while (hasPlace(cells, at, seen, limit)) {
      addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) busy: an operation is under way
      addToOwn(mine, own, 1) // (C3) before the count, so that it is in sight with it
      // (C4) Of two that want the last place one gets it.
      const before = Atomics.compareExchange(cells, at + SLOT.IN_FLIGHT, seen, seen + 1)
      if (before !== seen) addToOwn(mine, own, -1) // (C3) not reserved
      addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) done: both words agree
      if (before === seen) {
        beginSilence(cells, at, seen, ticks)
        return true
      }
      seen = before
    }
    return false
  }

  end(slot: number, startedAt: number, outcome: OutcomeCode, latencyMs: number): void {
    const segment = slot >>> SEGMENT_SHIFT
    const cells = this.#cells[segment]
    if (cells === undefined) throw unknownSlot(slot, this.#slots)
    const at = (slot & MASK) << SLOT_SHIFT
    this.#count(segment, at, startedAt, outcome, latencyMs)
    // Last: whoever sees nothing in flight may give the slot to another endpoint.
    const mine = this.#mine[segment]
    const own = (slot & MASK) << CONTRIBUTION_SHIFT
    addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) busy: an operation is under way
    Atomics.sub(cells, at + SLOT.IN_FLIGHT, 1) // (C6) last: at zero the slot may be given away
    addToOwn(mine, own, -1) // (C3) own word: no exchange needed
    addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) done: both words agree
  }

  answer(slot: number, startedAt: number, outcome: OutcomeCode, latencyMs: number): void {
    const segment = slot >>> SEGMENT_SHIFT
    const cells = this.#cells[segment]
    if (cells === undefined) throw unknownSlot(slot, this.#slots)
    const at = (slot & MASK) << SLOT_SHIFT
    this.#count(segment, at, startedAt, outcome, latencyMs)
    const mine = this.#mine[segment]
    const own = (slot & MASK) << CONTRIBUTION_SHIFT
    addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) busy: an operation is under way
    addToOwn(mine, own + CONTRIBUTION.OPEN, 1) // (C3) before the count, so that it is in sight with it
    Atomics.add(cells, at + SLOT.OPEN, 1) // (C15) shows (C3) to whoever sees the count
    addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) done: both words agree
  }

  close(slot: number, broken: boolean): void {
    const segment = slot >>> SEGMENT_SHIFT
    const cells = this.#cells[segment]
    if (cells === undefined) throw unknownSlot(slot, this.#slots)
    const at = (slot & MASK) << SLOT_SHIFT
    if (broken) {
      Atomics.sub(this.#bigs[segment], (at + SLOT.SUCCEEDED) >> 1, BIG_ONE) // (C7) no count is lost
      // (C7) For a moment one request fewer.
      Atomics.add(this.#bigs[segment], (at + SLOT.FAILED) >> 1, BIG_ONE)
    }
    const mine = this.#mine[segment]
    const own = (slot & MASK) << CONTRIBUTION_SHIFT
    addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) busy: an operation is under way
    Atomics.sub(cells, at + SLOT.OPEN, 1) // (C15) before (C6): nothing in flight, nothing open
    Atomics.sub(cells, at + SLOT.IN_FLIGHT, 1) // (C6) last: at zero the slot may be given away
    addToOwn(mine, own + CONTRIBUTION.OPEN, -1) // (C3) own word: no exchange needed
    addToOwn(mine, own, -1) // (C3) own word: no exchange needed
    addToOwn(mine, own + CONTRIBUTION.MARK, MARK_BUSY) // (C13) done: both words agree
  }

  #count(segment: number, at: number, startedAt: number, outcome: OutcomeCode, latencyMs: number): void {
    const total =
      outcome === OUTCOME.SUCCEEDED
        ? SLOT.SUCCEEDED
        : outcome === OUTCOME.FAILED || outcome === OUTCOME.LOST
          ? SLOT.FAILED
          : SLOT.CANCELLED
    Atomics.add(this.#bigs[segment], (at + total) >> 1, BIG_ONE) // (C7) no count is lost
    if (!(latencyMs < 0)) this.#record(segment, at, startedAt, latencyMs, outcome === OUTCOME.SUCCEEDED)
    const cells = this.#cells[segment]
    // (C16) An answer ends the silence, whichever request it is for.
    if (outcome <= OUTCOME.FAILED && cells[at + SLOT.SILENT_SINCE] !== 0) cells[at + SLOT.SILENT_SINCE] = 0
  }

  #record(segment: number, at: number, startedAt: number, latencyMs: number, isAnswer: boolean): void {
    const now = this.now()
    this.#endedAt = now
    let latency = Number.isNaN(latencyMs) ? now - startedAt : latencyMs
    if (!(latency > 0)) latency = 0
    if (latency > MAX_LATENCY_MS) latency = MAX_LATENCY_MS
    this.#observe(segment, at, now, latency, !isAnswer)
    if (!isAnswer) return
    const histogram = this.#cells[segment][at + SLOT.HISTOGRAM] - 1
    if (histogram >= 0 && histogram < this.#slots) {
      // (C10) No count is lost.
      Atomics.add(
        this.#histograms[histogram >>> SEGMENT_SHIFT],
        histogramWord(histogram, bucketOf(latency)),
        1,
      )
    }
  }

  /** One sample into the packed average, by compare-and-swap over value and time stamp together. */
  #observe(segment: number, at: number, now: number, latency: number, raiseOnly: boolean): void {
    const bigs = this.#bigs[segment]
    const word = (at + SLOT.LATENCY) >> 1
    const floats = this.#floats[segment]
    let peak = -1
    if ((this.#cells[segment][at + SLOT.FLAGS] & SLOT_FLAGS.PEAK) !== 0) {
      const last = floats[at + SLOT.LAST_LATENCY] // (C17) whichever sample was last will do
      peak = raiseOnly || latency < last ? latency : last
    }
    if (!raiseOnly) floats[at + SLOT.LAST_LATENCY] = latency // (C17) whichever sample was last will do
    const decayMs = floats[at + SLOT.DECAY_MS]
    const ticks = ticksOf(now)
    asBigInt[0] = bigs[word] // (C8) a guess, which (C9) checks
    for (;;) {
      const seen = asBigInt[0]
      const average = asFloat32[1]
      let next = latency
      if (average > 0 && peak > average) next = peak
      else if (average > 0) {
        const elapsed = (ticks - asInt32[0]) | 0
        const weight = elapsed > 0 ? expNegative(elapsed / TICKS_PER_MS / decayMs) : 1
        const left = average * weight
        if (raiseOnly && !(latency > left)) return
        next = left + latency * (1 - weight)
      }
      asFloat32[1] = next
      asInt32[0] = ticks
      const before = Atomics.compareExchange(bigs, word, seen, asBigInt[0]) // (C9) no sample is lost
      if (before === seen) return
      asBigInt[0] = before
    }
  }

  latency(slot: number, now: number): number {
    const segment = slot >>> SEGMENT_SHIFT
    if (this.#cells[segment] === undefined) throw unknownSlot(slot, this.#slots)
    return this.#latencyAt(segment, (slot & MASK) << SLOT_SHIFT, ticksOf(now))
  }

  #latencyAt(segment: number, at: number, ticks: number): number {
    // One plain load of both halves: a float64, whose bits no latency makes a NaN. (C8)
    asFloat64[0] = this.#doubles[segment][(at + SLOT.LATENCY) >> 1]
    const average = asFloat32[1]
    const elapsed = (ticks - asInt32[0]) | 0
    const left =
      elapsed > 0
        ? average * expNegative(elapsed / TICKS_PER_MS / this.#floats[segment][at + SLOT.DECAY_MS])
        : average
    const cells = this.#cells[segment]
    const since = cells[at + SLOT.SILENT_SINCE] // (C16) one word that says it all
    if (since === 0 || cells[at + SLOT.IN_FLIGHT] - cells[at + SLOT.OPEN] <= 0) return left
    const silent = ((ticks - since) | 0) / TICKS_PER_MS
    return silent > left ? silent : left
  }

  /** Whether a request leaves slot `a` for slot `b`; see `choice.ts`. */
  #leaves(a: number, b: number, metric: number, ticks: number): boolean {
    const [segmentA, segmentB] = [a >>> SEGMENT_SHIFT, b >>> SEGMENT_SHIFT]
    const [cellsA, cellsB] = [this.#cells[segmentA], this.#cells[segmentB]]
    if (cellsA === undefined || cellsB === undefined) return false // disposed of
    const [atA, atB] = [(a & MASK) << SLOT_SHIFT, (b & MASK) << SLOT_SHIFT]
    const byLatency = metric === METRIC.LATENCY
    return leavesFirst(
      byLatency ? this.#latencyAt(segmentA, atA, ticks) : 1,
      byLatency ? this.#latencyAt(segmentB, atB, ticks) : 1,
      cellsA[atA + SLOT.IN_FLIGHT],
      cellsB[atB + SLOT.IN_FLIGHT],
      this.#floats[segmentA][atA + SLOT.WEIGHT],
      this.#floats[segmentB][atB + SLOT.WEIGHT],
    )
  }

  openLines(tickets: Int32Array<SharedArrayBuffer>): WaitingLines {
    return new AtomicsLines(this.#root, this.thread, tickets, (service) => ({
      words: this.#services[service >>> SERVICE_SEGMENT_SHIFT],
      at: serviceWord(service),
    }))
  }

  /** Service records that this core knows. */
  protected get serviceCount(): number {
    return this.#services.length << SERVICE_SEGMENT_SHIFT
  }

  nextPosition(service: number, n: number): number {
    const words = this.#services[service >>> SERVICE_SEGMENT_SHIFT]
    if (!(n >= 1) || words === undefined) throw badPosition(service, n, this.serviceCount)
    const word = serviceWord(service) + SERVICE.CURSOR
    // Tickets above the last whole multiple of n are thrown away, so that the wrap does not favour the first positions.
    const whole = TWO_TO_32 - (TWO_TO_32 % n)
    for (;;) {
      const ticket = Atomics.add(words, word, 1) >>> 0 // (C11) each ticket is given out once
      if (ticket < whole) return ticket % n
    }
  }

  picker(spec: PickerSpec): Picker {
    checkSpec(spec, this.#slots, this.serviceCount)
    const slots = spec.slots.slice()
    const n = slots.length
    const { metric, service } = spec
    const draw = spec.draw && copyOf(spec.draw)
    let turn = draw === undefined ? 0 : this.random()
    if (n === 0) return () => -1
    if (spec.distributor === DISTRIBUTOR.ROUND_ROBIN) {
      return () => this.#reserveFrom(slots, this.nextPosition(service, n))
    }
    if (n === 1) return () => this.#reserveFrom(slots, 0)
    if (spec.distributor === DISTRIBUTOR.RANDOM)
      return () => this.#reserveFrom(slots, toBelow(this.random(), n))
    const random = () => this.random()
    return () => {
      let first: number
      let second: number
      if (draw === undefined) {
        first = toBelow(this.random(), n)
        second = toBelow(this.random(), n - 1)
        if (second >= first) second++
      } else {
        turn = nextTurn(turn)
        first = drawn(draw, turn)
        second = drawOther(draw, first, random)
      }
      const now = this.now()
      const ticks = ticksOf(now)
      const swap = this.#leaves(slots[first], slots[second], metric, ticks)
      const chosen = slots[swap ? second : first]
      if (!this.#take(chosen, ticks)) return this.#reserveFrom(slots, swap ? first : second)
      this.#startedAt = now
      return chosen
    }
  }

  /** Reserves `position` or, where it is at its limit, the first after it that is not; -1 where all are. */
  #reserveFrom(slots: Uint32Array, position: number): number {
    const n = slots.length
    const now = this.now()
    const ticks = ticksOf(now)
    for (let i = 0, at = position; i < n; i++) {
      const slot = slots[at]
      if (this.#take(slot, ticks)) {
        this.#startedAt = now
        return slot
      }
      if (++at === n) at = 0
    }
    return -1
  }

  reclaim(thread: number): boolean {
    return reclaimSlots(this.#root, this.#segments, thread)
  }

  /** Forgets the segments, so that whatever is called afterwards finds no slot. */
  dispose(): void {
    this.#cells.length = 0
    this.#segments.length = 0
    this.#slots = 0
  }
}

/** The low 32 bits, signed, of a time in ticks of 1/16 ms. */
function ticksOf(now: number): number {
  return (now * TICKS_PER_MS) | 0
}

/**
 * A request was sent: where nothing was unanswered before it, or all before it was answered since, the slot is silent
 * from now on until it answers. Another thread that does the same at this moment writes nearly the same. (C16)
 * @param before requests in flight before this one
 */
function beginSilence(cells: Int32Array, at: number, before: number, ticks: number): void {
  if (cells[at + SLOT.SILENT_SINCE] === 0 || before - cells[at + SLOT.OPEN] <= 0)
    cells[at + SLOT.SILENT_SINCE] = ticks | 1
}

const copyOf = ({ thresholds, aliases }: DrawTable): DrawTable => ({
  thresholds: thresholds.slice(),
  aliases: aliases.slice(),
})
