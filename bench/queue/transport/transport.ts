/** A queue of numbers between threads, as one thread of a benchmark uses it. */
export interface Transport {
  /** The numbers to push are written here. */
  readonly outgoing: Uint32Array
  /** Those popped are found here. */
  readonly incoming: Uint32Array
  /** Pushes `outgoing` from `from` on and makes it visible; returns how many were taken. */
  push(from: number): number
  /** Fills `incoming` from its start; returns how many. */
  pop(): number
}

export type TransportName = 'fairlead' | 'ring' | 'boost'

/** Makes the queue, in the main thread: what the threads are given to open it. */
export type Create = () => unknown
/** A thread's end of it. `batch`: length of `outgoing`; `room`: length of `incoming`. */
export type Open = (shared: unknown, batch: number, room: number) => Transport

/** Of every queue here, items. The most that Boost holds is two less. */
export const CAPACITY = 65_536
