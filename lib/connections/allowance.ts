/** A pool of connections, as the limits over all threads see it. */
export interface AllowedPool {
  /** It has no connection, nor opens one. */
  readonly hasNone: boolean
  /** There may be room for a connection more. */
  retry(): void
  /** Closes up to so many connections that carry nothing. Returns how many. */
  closeIdle(most: number): number
}

/** What the connections to one endpoint are allowed: limits over all its pools, in all threads. */
export interface Allowance {
  /**
   * Whether a pool may open a connection, which counts until `closed`. Where it may not, it is told by `retry` when there may
   * be room.
   */
  open(pool: AllowedPool): boolean
  closed(wasYielded: boolean): void
  /** A request waits for a connection until `served`. Where no more may wait: the limit that says so. */
  wait(): string | undefined
  served(): void
  /** Whether a connection that carries nothing any more is to be closed: another thread or endpoint needs its place, and has none. */
  mustYield(): boolean
  /** One is closed on that account. */
  yielded(): void
  add(pool: AllowedPool): void
  remove(pool: AllowedPool): void
}

/** No limits. */
export const UNBOUNDED: Allowance = {
  open: () => true,
  closed: () => {},
  wait: () => undefined,
  served: () => {},
  mustYield: () => false,
  yielded: () => {},
  add: () => {},
  remove: () => {},
}
