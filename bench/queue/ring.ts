/**
 * What a careful Node programmer writes on `Atomics` today: a bounded ring for one producer and one consumer (Lamport
 * 1977), an item at a time. Each index has a cache line of its own, written by one side only; the other side keeps a copy
 * and looks again only when, by the copy, the ring is full or empty.
 */
const INDEX = { HEAD: 0, TAIL: 16, WORDS: 32 } as const

export class Ring {
  readonly #indexes: Int32Array
  readonly #items: Uint32Array
  readonly #mask: number
  /** Own index, and what the other side's was at the last look. */
  #own = 0
  #other = 0

  /** @param capacity items, a power of two */
  constructor(memory: SharedArrayBuffer, capacity: number) {
    this.#indexes = new Int32Array(memory, 0, INDEX.WORDS)
    this.#items = new Uint32Array(memory, INDEX.WORDS * 4, capacity)
    this.#mask = capacity - 1
  }

  static bytes(capacity: number): number {
    return (INDEX.WORDS + capacity) * 4
  }

  /** The producer's side. */
  push(item: number): boolean {
    if (((this.#own - this.#other) | 0) > this.#mask) {
      this.#other = Atomics.load(this.#indexes, INDEX.HEAD)
      if (((this.#own - this.#other) | 0) > this.#mask) return false
    }
    this.#items[this.#own & this.#mask] = item
    this.#own = (this.#own + 1) | 0
    Atomics.store(this.#indexes, INDEX.TAIL, this.#own)
    return true
  }

  /** The consumer's side: -1 when it is empty. */
  pop(): number {
    if (this.#own === this.#other) {
      this.#other = Atomics.load(this.#indexes, INDEX.TAIL)
      if (this.#own === this.#other) return -1
    }
    const item = this.#items[this.#own & this.#mask]
    this.#own = (this.#own + 1) | 0
    Atomics.store(this.#indexes, INDEX.HEAD, this.#own)
    return item
  }
}
