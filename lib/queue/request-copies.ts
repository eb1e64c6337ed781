import { markAsUntransferable } from 'node:worker_threads'
import type { QueueMemory } from './memory.js'
import type { Taker } from './reading.js'
import type { RequestMemory } from './request-memory.js'

/** Bytes of a chunk that requests share. */
const CHUNK_BYTES = 32768
/** A longer request has an `ArrayBuffer` of its own, bytes. */
const SHARED_BYTES = CHUNK_BYTES / 4
/** Requests that are copied before their views are made, at most; no less than a block has. */
const AT_ONCE = 256

/**
 * Where popped requests are copied to. Short ones share chunks, since a buffer for each would cost more than all the rest;
 * each begins at a multiple of 8 bytes. Nothing is given out before HEAD has moved: until then the copy may be void.
 */
export class RequestCopies implements Taker {
  readonly #memory: RequestMemory
  /** Used up from the start, but not empty: the addon takes no array without a byte. */
  #chunk = new Uint8Array(8)
  /** Bytes of the chunk that are given out. */
  #used = 8
  /** Where the chunk is one request's own: the one to go on with afterwards. */
  #shared: { readonly chunk: Uint8Array<ArrayBuffer>; readonly used: number } | undefined
  /** Of the requests that are copied and not given out, and of one that did not fit. */
  readonly lengths = new Uint32Array(AT_ONCE + 1)
  /** From one of these requests to the next, bytes; 0: as their lengths say. */
  #stride = 0

  constructor(memory: RequestMemory) {
    this.#memory = memory
  }

  /** For who copies without `take`: up to `most` requests, into the chunk from `used` on, each from a multiple of 8 on. */
  begin(): { readonly chunk: Uint8Array; readonly used: number; readonly most: number } {
    this.#stride = 0
    this.#dropDetached()
    return { chunk: this.#chunk, used: this.#used, most: this.#shared === undefined ? AT_ONCE : 1 }
  }

  /** Makes a chunk of which that many bytes are free, where this one has fewer. */
  makeRoom(bytes: number): void {
    this.#dropDetached()
    if (this.#chunk.length - this.#used >= aligned(bytes)) return
    if (bytes > SHARED_BYTES) {
      this.#shared ??= { chunk: this.#chunk, used: this.#used }
      this.#chunk = new Uint8Array(aligned(bytes))
    } else {
      this.#shared = undefined
      this.#chunk = new Uint8Array(CHUNK_BYTES)
      // Whoever passes one request on to another thread shall not take the others along.
      markAsUntransferable(this.#chunk.buffer)
    }
    this.#used = 0
  }

  /** A caller may have detached the chunk with one of its requests, by `ArrayBuffer.prototype.transfer` (Node 22). */
  #dropDetached(): void {
    if (this.#chunk.length >= this.#used) return
    this.#chunk = new Uint8Array(8)
    this.#used = 8
  }

  /** Copies up to `count` requests from the slot `from` on; returns how many there was room for. */
  take(_memory: QueueMemory, from: number, count: number): number {
    const { slab, slotStride } = this.#memory
    const total = this.#copyLengths(from, count)
    // Slots that are well filled are copied in one piece, gaps and all: a call for each costs as much as 500 bytes.
    if (count > 1 && slotStride <= SHARED_BYTES && 2 * total >= count * slotStride) {
      this.makeRoom(slotStride)
      const fitting = Math.min(count, Math.floor((this.#chunk.length - this.#used) / slotStride))
      this.#chunk.set(slab.subarray(from * slotStride, (from + fitting) * slotStride), this.#used)
      this.#stride = slotStride
      return fitting
    }
    this.#stride = 0
    this.makeRoom(this.lengths[0])
    const most = this.#shared === undefined ? count : 1
    let copied = 0
    for (let at = this.#used; copied < most; copied++) {
      const length = this.lengths[copied]
      if (at + length > this.#chunk.length) break
      const slot = (from + copied) * slotStride
      this.#chunk.set(slab.subarray(slot, slot + length), at)
      at += aligned(length)
    }
    return copied
  }

  /** The sum of the lengths, each up to a multiple of 8. */
  #copyLengths(from: number, count: number): number {
    const { lengths, slotBytes } = this.#memory
    let total = 0
    for (let i = 0; i < count; i++) {
      // Never more than that, by whoever abides by the protocol.
      const length = Math.min(lengths[from + i], slotBytes)
      this.lengths[i] = length
      total += aligned(length)
    }
    return total
  }

  /** Adds the first `count` of the copied requests to `out`. */
  giveOut(out: Uint8Array[], count: number): void {
    const { buffer } = this.#chunk
    let at = this.#used
    for (let i = 0; i < count; i++) {
      const length = this.lengths[i]
      out.push(new Uint8Array(buffer, at, length))
      at += this.#stride === 0 ? aligned(length) : this.#stride
    }
    this.#used = at
    if (this.#shared === undefined || count === 0) return
    this.#chunk = this.#shared.chunk
    this.#used = this.#shared.used
    this.#shared = undefined
  }
}

const aligned = (bytes: number): number => (bytes + 7) & ~7
