import type { Stay } from '../admission/waiter.js'
import type { Reservation } from '../balancer/reservation.js'
import type { Waiter } from '../health/passive/stall.js'

const INITIAL_CAPACITY = 256

/** Where a request is. */
export const STAGE = {
  FREE: 0,
  /** At its client: it waits for a place, or the client's event loop is held. */
  AT_CLIENT: 1,
  /** On its way to an answer without any work: refused, or an error. */
  FAILING: 2,
  /** At its endpoint, waiting for a worker. */
  WAITING: 3,
  /** A worker is at it. */
  SERVED: 4,
  /** Its client has gone. An endpoint that notices does not begin it any more; a worker that has begun it goes on. */
  GIVEN_UP: 5,
  /** At its endpoint, which answers it later, and needs no worker for it. */
  POLLING: 6,
  /** Answered; its client's event loop is held. */
  UNSEEN: 7,
} as const

const IS_AT_ENDPOINT = Uint8Array.of(0, 0, 0, 1, 1, 1, 1, 0)

/** Not of any client: an antagonist's. */
export const NOBODY = -1
/** At no endpoint. */
export const NOWHERE = -1

/** The requests under way, by number; numbers are used again. */
export class Requests {
  arrivedAt = new Float64Array(INITIAL_CAPACITY)
  /** Service time on an endpoint of speed 1 that nothing disturbs, ms. */
  work = new Float64Array(INITIAL_CAPACITY)
  /** When its worker is done, ms: an event of another time is not, or no longer, its. */
  endsAt = new Float64Array(INITIAL_CAPACITY)
  /** Of its worker's time, ms; negative: it needs none. */
  duration = new Float64Array(INITIAL_CAPACITY)
  /** When its client gives up, ms. */
  deadlineAt = new Float64Array(INITIAL_CAPACITY)
  /** Position among all requests in order of arrival; negative: not counted. */
  ordinal = new Int32Array(INITIAL_CAPACITY)
  client = new Int32Array(INITIAL_CAPACITY)
  endpoint = new Int32Array(INITIAL_CAPACITY)
  stage = new Uint8Array(INITIAL_CAPACITY)
  key = new Int32Array(INITIAL_CAPACITY)
  /** Tier of the line that it waits in. */
  tier = new Uint8Array(INITIAL_CAPACITY)
  /** Since when it waits for a place, ms. */
  queuedAt = new Float64Array(INITIAL_CAPACITY)
  /** Those that wait for a place. */
  readonly stays: (Stay | undefined)[] = []
  readonly leases: (Reservation | undefined)[] = []
  /** Those that may go elsewhere while they are unanswered. */
  readonly waiters: (Waiter | undefined)[] = []
  /** Tells the endpoint's own counts that the request has been answered. */
  readonly answered: ((() => void) | undefined)[] = []
  readonly #free: number[] = []
  #used = 0

  take(): number {
    const request = this.#free.pop() ?? this.#used++
    if (request === this.stage.length) this.#grow()
    return request
  }

  /** What a request asks for, and of whom; not where it is. */
  copy(from: number, to: number): void {
    const { arrivedAt, work, deadlineAt, ordinal, client, key, tier } = this
    for (const words of [arrivedAt, work, deadlineAt, ordinal, client, key, tier]) words[to] = words[from]
    this.endpoint[to] = NOWHERE
    this.stage[to] = STAGE.AT_CLIENT
  }

  free(request: number): void {
    this.stage[request] = STAGE.FREE
    this.endsAt[request] = Number.NaN
    this.stays[request] = undefined
    this.leases[request] = undefined
    this.waiters[request] = undefined
    this.answered[request] = undefined
    this.#free.push(request)
  }

  /** Its endpoint's own counts lose it: it was answered, or its connection is gone. */
  leaveServer(request: number): void {
    this.answered[request]?.()
    this.answered[request] = undefined
  }

  /** Those at an endpoint, whether served or waiting. */
  *at(endpoint: number): Iterable<number> {
    for (let request = 0; request < this.#used; request++)
      if (IS_AT_ENDPOINT[this.stage[request]] === 1 && this.endpoint[request] === endpoint) yield request
  }

  #grow(): void {
    const length = 2 * this.stage.length
    const longer = <T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    this.arrivedAt = longer(this.arrivedAt, new Float64Array(length))
    this.work = longer(this.work, new Float64Array(length))
    this.endsAt = longer(this.endsAt, new Float64Array(length))
    this.duration = longer(this.duration, new Float64Array(length))
    this.deadlineAt = longer(this.deadlineAt, new Float64Array(length))
    this.ordinal = longer(this.ordinal, new Int32Array(length))
    this.client = longer(this.client, new Int32Array(length))
    this.endpoint = longer(this.endpoint, new Int32Array(length))
    this.stage = longer(this.stage, new Uint8Array(length))
    this.key = longer(this.key, new Int32Array(length))
    this.tier = longer(this.tier, new Uint8Array(length))
    this.queuedAt = longer(this.queuedAt, new Float64Array(length))
  }
}
