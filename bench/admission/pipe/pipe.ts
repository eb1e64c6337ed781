import type { Transferable } from 'node:worker_threads'

/** Two queues one behind the other, and the loop between them. Requests are numbers, from 0 on. */
export interface Pipe {
  /** In the main thread: what producer, loop and server are given, in this order. */
  create(): { readonly ends: readonly unknown[]; readonly transfer?: readonly (readonly Transferable[])[] }
  /** Pushes that many requests; ends when all are accepted. */
  producer(end: unknown, batch: number): Run<void>
  /** Pops that many, and hands each on. */
  loop(end: unknown): Run<void>
  /** Takes that many; their sum, modulo 2^32. */
  server(end: unknown): Run<number>
}

export type Run<T> = (requests: number) => T | Promise<T>

/** Requests that a queue holds. */
export const CAPACITY = 65_536
