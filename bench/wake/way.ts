import type { Transferable } from 'node:worker_threads'

/** A way to sleep until another thread has something. */
export interface Way {
  /** In the main thread: what the two threads are given. */
  create(): Ends
  /** In the thread that sleeps. */
  sleeper(end: unknown): Sleeper | Promise<Sleeper>
  /** In the other one: what wakes it. */
  waker(end: unknown): (() => void) | Promise<() => void>
}

export interface Ends {
  readonly sleeper: unknown
  readonly waker: unknown
  /** Message ports among them, of the sleeper and of the waker. */
  readonly transfer?: readonly (readonly Transferable[])[]
}

export interface Sleeper {
  /** Sleeps `rounds` times; calls `ready` right before it falls asleep, `woken` right after. */
  sleep(rounds: number, ready: () => void, woken: () => void): void | Promise<void>
}
