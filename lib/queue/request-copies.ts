import { markAsUntransferable } from 'node:worker_threads'
import type { RequestMemory } from './request-memory.js'

/** Bytes of a chunk, at least. */
const CHUNK_BYTES = 65536
/** Requests that are copied before their views are made, at most; no less than a block has. */
const AT_ONCE = 256

/**
 * Where popped requests are copied to. They share chunks, since a buffer for each would cost more than all the rest; each
 * begins at a multiple of 8 bytes. Nothing is given out before HEAD has moved: until then the copy may be void.
 */
export class RequestCopies {
  /** The bytes before `used` are given out. */
  chunk: Uint8Array = new Uint8Array(0)
  used = 0
  /** Of the requests that are copied and not given out. */
  readonly lengths = new Uint32Array(AT_ONCE)
  readonly #memory: RequestMemory
  /** From one of these requests to the next, bytes; 0: as their lengths say. */
  #stride = 0

  constructor(memory: RequestMemory) {
    this.#memory = memory
  }

  /** Whether another request fits, however long. False also where a chunk was transferred to another thread. */
  get hasRoom(): boolean {
    return this.chunk.length - this.used >= this.#memory.slotStride
  }

  makeRoom(): void {
    if (this.hasRoom) return
    this.chunk = new Uint8Array(Math.max(CHUNK_BYTES, this.#memory.slotStride))
    this.used = 0
    // Whoever passes one request on to another thread shall not take the others along.
    markAsUntransferable(this.chunk.buffer)
  }

  /** Copies up to `count` requests from the slot `from` on, all of one block; returns how many there was room for. */
  copy(from: number, count: number): number {
    this.makeRoom()
    const { slab, slotStride } = this.#memory
    const room = this.chunk.length - this.used
    const total = this.#copyLengths(from, count)
    // Slots that are well filled are copied in one piece, gaps and all: a call for each costs as much as 500 bytes.
    if (count > 1 && 2 * total >= count * slotStride) {
      const fitting = Math.min(count, Math.floor(room / slotStride))
      this.chunk.set(slab.subarray(from * slotStride, (from + fitting) * slotStride), this.used)
      this.#stride = slotStride
      return fitting
    }
    this.#stride = 0
    let copied = 0
    for (let at = this.used; copied < count && this.chunk.length - at >= slotStride; copied++) {
      const slot = (from + copied) * slotStride
      const length = this.lengths[copied]
      this.chunk.set(slab.subarray(slot, slot + length), at)
      at += aligned(length)
    }
    return copied
  }

  /** The sum of the lengths, each up to a multiple of 8. */
  #copyLengths(from: number, count: number): number {
    const { lengths, slotBytes } = this.#memory
    let total = 0
    for (let i = 0; i < count; i++) {
      const length = lengths[from + i]
      // Never more, by whoever abides by the protocol.
      this.lengths[i] = length <= slotBytes ? length : slotBytes
      total += aligned(length)
    }
    return total
  }

  /** Adds the first `count` of the copied requests to `out`. */
  giveOut(out: Uint8Array[], count: number): void {
    const { buffer } = this.chunk
    let at = this.used
    for (let i = 0; i < count; i++) {
      const length = this.lengths[i]
      out.push(new Uint8Array(buffer, at, length))
      at += this.#stride === 0 ? aligned(length) : this.#stride
    }
    this.used = at
  }
}

const aligned = (bytes: number): number => (bytes + 7) & ~7
