/** How a request ended, for its client. */
export const ENDED = {
  ANSWERED: 1,
  /** An error status, a connection that was refused or broke. */
  FAILED: 2,
  /** Not answered before the deadline. */
  TIMED_OUT: 3,
  /** The balancer had no endpoint for it, or no place in the time that it may wait for one. */
  REFUSED: 4,
} as const

export type EndedCode = (typeof ENDED)[keyof typeof ENDED]

const INITIAL_CAPACITY = 1 << 14

/** What became of each request that counts, in order of arrival. */
export class Recorder {
  count = 0
  /** ms since the simulation began. */
  arrivedAt = new Float64Array(INITIAL_CAPACITY)
  /** ms from arrival to answer; of a request that timed out, the deadline; NaN for one that failed or was refused. */
  latencyMs = new Float64Array(INITIAL_CAPACITY)
  ended = new Uint8Array(INITIAL_CAPACITY)
  /** Number of the endpoint that it was sent to first; -1: none. */
  sentTo = new Int32Array(INITIAL_CAPACITY)
  /** ms in the admission queue, however that ended; NaN: it found a place at once, or was refused at once. */
  waitedMs = new Float64Array(INITIAL_CAPACITY)
  tier = new Uint8Array(INITIAL_CAPACITY)

  arrived(at: number, tier: number): number {
    if (this.count === this.ended.length) this.#grow()
    const ordinal = this.count++
    this.arrivedAt[ordinal] = at
    this.latencyMs[ordinal] = Number.NaN
    this.sentTo[ordinal] = -1
    this.waitedMs[ordinal] = Number.NaN
    this.tier[ordinal] = tier
    return ordinal
  }

  sent(ordinal: number, endpoint: number): void {
    if (this.sentTo[ordinal] < 0) this.sentTo[ordinal] = endpoint
  }

  /** One that was sent once more may wait twice. */
  waited(ordinal: number, ms: number): void {
    const before = this.waitedMs[ordinal]
    this.waitedMs[ordinal] = ms + (Number.isNaN(before) ? 0 : before)
  }

  end(ordinal: number, how: EndedCode, latencyMs: number): void {
    this.ended[ordinal] = how
    this.latencyMs[ordinal] = latencyMs
  }

  #grow(): void {
    const length = 2 * this.ended.length
    const longer = <T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    this.arrivedAt = longer(this.arrivedAt, new Float64Array(length))
    this.latencyMs = longer(this.latencyMs, new Float64Array(length))
    this.ended = longer(this.ended, new Uint8Array(length))
    this.sentTo = longer(this.sentTo, new Int32Array(length))
    this.waitedMs = longer(this.waitedMs, new Float64Array(length))
    this.tier = longer(this.tier, new Uint8Array(length))
  }
}
