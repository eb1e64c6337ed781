import type { Transferable } from 'node:worker_threads'

/** A way for requests from one thread to another. */
export interface Carrier {
  /** In the main thread: what the two threads are given. */
  create(): Ends
  /** Sends that many requests, numbered from 0, and ends when all are handed over. */
  producer(end: unknown): Work<void>
  /** Takes that many; the sum of their numbers. */
  consumer(end: unknown): Work<number>
}

export interface Ends {
  readonly producer: unknown
  readonly consumer: unknown
  readonly transfer?: readonly (readonly Transferable[])[]
}

type Run<T> = (requests: number) => T | Promise<T>
export type Work<T> = Run<T> | Promise<Run<T>>

export const REQUEST_BYTES = 64
/** Requests that the queues here hold. */
export const CAPACITY = 65_536

/** Requests of 64 bytes in turn, as they lie about in a program. Each has its number in its first four bytes. */
export class Requests {
  readonly all: readonly Uint8Array[]
  readonly #numbers: readonly Uint32Array[]

  constructor(count: number) {
    this.#numbers = Array.from({ length: count }, () => new Uint32Array(REQUEST_BYTES / 4).fill(0x20202020))
    this.all = this.#numbers.map(({ buffer }) => new Uint8Array(buffer))
  }

  /** Numbers all of them from `first` on. */
  number(first: number): void {
    for (let i = 0; i < this.#numbers.length; i++) this.#numbers[i][0] = first + i
  }
}

/** The number of a request that has arrived. */
export const numberOf = (bytes: Uint8Array): number =>
  bytes[0] + bytes[1] * 0x100 + bytes[2] * 0x10000 + bytes[3] * 0x1000000
