/** What the admission queue knows of a request, and of the places that it waits for. */

/** What the queue needs to know of its service. */
export interface Places<Request, Place> {
  /** A place for a request whose turn it is; undefined where none is free that it may use. Throws where there can be none. */
  take(request: Request): Place | undefined
  /** Free places of the service, counted up to `enough`. */
  free(enough: number): number
  /** Every 50 ms while somebody waits: places that something holds without need may be made free. */
  relieve?(): void
}

/** One request that waits. */
export interface Waiter<Request, Place> {
  readonly request: Request
  /** 0 to 3; 0 goes first. */
  readonly tier: number
  /** The longest wait, ms; less than a day. */
  readonly longestMs: number
  /** How long a queue has to be not empty, or empty, to be standing, or not any more; ms. */
  readonly standingMs?: number
  /** A wait that is longer than this is a long one, ms. */
  readonly shortMs?: number
  /**
   * It can use some of the places only, and `Places.free` does not say whether one of them is free: it tries each place that
   * becomes free, beside the line.
   */
  readonly isRestricted?: boolean
  /** It has a place, which is the caller's from now on. */
  placed(place: Place): void
  /** There can be no place for it: what `Places.take` threw. */
  failed(error: unknown): void
  /** It has waited for `longestMs`, or its turn came too late. */
  late(): void
  /** Its caller has left. */
  left?(): void
}

/** A request's stay in the queue. */
export interface Stay {
  /** It has a place, or was told that there is none, or has left. */
  readonly isOver: boolean
  /** The caller does not want the place any more. Nothing of the waiter is called afterwards. */
  leave(): void
}
