/** The `Core` that stands on the addon. */
import { EngineError } from '../../errors.js'
import { AtomicsCore } from '../atomics/core.js'
import type { CoreFactory, Picker, PickerSpec, Segment, WaitingLines } from '../contract.js'
import { checkSpec, unknownSlot } from '../invalid-arguments.js'
import { LAYOUT_VERSION, layoutFingerprint, type OutcomeCode, SEGMENT_SHIFT } from '../layout.js'
import type { DrawTable } from '../weighted-draw.js'
import type { NativeAddon, NativeCoreFunctions } from './addon.js'
import { NativeLines } from './lines.js'

/**
 * Through which the hot functions take and give: a number passed as an argument of an addon call costs 5 ns, one written
 * here 1 ns. Indexes of float64 elements, and below them of int32 elements, of one buffer (`Scratch` in `binding/`).
 */
const SCRATCH = { STARTED_AT: 0, END_STARTED_AT: 1, END_LATENCY: 2, DOUBLES: 4, SLOT: 6, OUTCOME: 7 } as const

const NO_TABLE: DrawTable = { thresholds: new Uint32Array(0), aliases: new Uint32Array(0) }

/**
 * The hot path in the addon where that is the faster one. What is inherited costs less than the addon call alone would
 * (13 ns): random 3 ns, latency 7, nextPosition 11; `now` costs 37 there and 42 in the addon. Inherited and not passed on
 * to another object, because a scan over all endpoints calls `latency` for each: one more call was 10% of it.
 */
class NativeCore extends AtomicsCore {
  readonly #functions: NativeCoreFunctions
  readonly #doubles = new Float64Array(new ArrayBuffer(SCRATCH.DOUBLES * Float64Array.BYTES_PER_ELEMENT))
  readonly #words = new Int32Array(this.#doubles.buffer)
  readonly #reserve: () => void
  readonly #end: () => void
  readonly #answer: () => void
  readonly #close: () => void
  #slots = 0

  constructor(addon: NativeAddon, root: Int32Array<SharedArrayBuffer>, thread: number) {
    super(root, thread)
    this.#functions = addon.createCore(root, thread, this.#doubles)
    this.#reserve = this.#functions.reserve
    this.#end = this.#functions.end
    this.#answer = this.#functions.answer
    this.#close = this.#functions.close
  }

  override addServices(index: number, words: Int32Array<SharedArrayBuffer>): void {
    super.addServices(index, words)
    this.#functions.addServices(words)
  }

  override addSegment(index: number, segment: Segment): void {
    super.addSegment(index, segment)
    this.#functions.addSegment(segment.cells, segment.contributions, segment.histograms)
    this.#slots = (index + 1) << SEGMENT_SHIFT
  }

  override startedAt(): number {
    return this.#doubles[SCRATCH.STARTED_AT]
  }

  override endedAt(): number {
    return this.#doubles[SCRATCH.END_STARTED_AT]
  }

  override reserve(slot: number): boolean {
    if (!(slot >= 0 && slot < this.#slots)) throw unknownSlot(slot, this.#slots)
    this.#words[SCRATCH.SLOT] = slot
    this.#reserve()
    return this.#words[SCRATCH.SLOT] >= 0
  }

  override end(slot: number, startedAt: number, outcome: OutcomeCode, latencyMs: number): void {
    if (!(slot >= 0 && slot < this.#slots)) throw unknownSlot(slot, this.#slots)
    this.#doubles[SCRATCH.END_STARTED_AT] = startedAt
    this.#doubles[SCRATCH.END_LATENCY] = latencyMs
    this.#words[SCRATCH.SLOT] = slot
    this.#words[SCRATCH.OUTCOME] = outcome
    this.#end()
  }

  override answer(slot: number, startedAt: number, outcome: OutcomeCode, latencyMs: number): void {
    if (!(slot >= 0 && slot < this.#slots)) throw unknownSlot(slot, this.#slots)
    this.#doubles[SCRATCH.END_STARTED_AT] = startedAt
    this.#doubles[SCRATCH.END_LATENCY] = latencyMs
    this.#words[SCRATCH.SLOT] = slot
    this.#words[SCRATCH.OUTCOME] = outcome
    this.#answer()
  }

  override close(slot: number, broken: boolean): void {
    if (!(slot >= 0 && slot < this.#slots)) throw unknownSlot(slot, this.#slots)
    this.#words[SCRATCH.SLOT] = slot
    this.#words[SCRATCH.OUTCOME] = broken ? 1 : 0
    this.#close()
  }

  override picker(spec: PickerSpec): Picker {
    checkSpec(spec, this.#slots, this.serviceCount)
    const { thresholds, aliases } = spec.draw ?? NO_TABLE
    const pick = this.#functions.picker(
      spec.distributor,
      spec.metric,
      spec.service,
      spec.slots,
      thresholds,
      aliases,
    )
    const words = this.#words
    return () => {
      pick()
      return words[SCRATCH.SLOT]
    }
  }

  override openLines(tickets: Int32Array<SharedArrayBuffer>): WaitingLines {
    return new NativeLines(this.#functions.openLines(tickets), tickets)
  }

  override reclaim(thread: number): boolean {
    this.#functions.reclaim(thread)
    return true
  }

  override dispose(): void {
    this.#slots = 0
    super.dispose()
    this.#functions.dispose()
  }
}

/** The factory over a loaded addon. Throws an EngineError where the addon was built for another memory layout. */
export function createNativeFactory(native: NativeAddon): CoreFactory {
  if (native.layoutVersion !== LAYOUT_VERSION || native.layoutFingerprint !== layoutFingerprint()) {
    throw new EngineError(
      `the addon was built for memory layout ${named(native.layoutVersion, native.layoutFingerprint)}, ` +
        `but this code has layout ${named(LAYOUT_VERSION, layoutFingerprint())}: build it anew with \`npm run build:native\``,
    )
  }
  return { createCore: (root, thread) => new NativeCore(native, root, thread) }
}

const named = (version: unknown, fingerprint: unknown): string =>
  typeof version === 'number' && typeof fingerprint === 'number'
    ? `${version} (fingerprint 0x${fingerprint.toString(16)})`
    : 'unknown (it names none)'
