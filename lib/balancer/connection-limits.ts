import type { ConnectionCounters, SlotCounters } from '../admission/connection-counts.js'
import type { ResolvedLimits } from '../admission/options.js'
import { NO_PLACE, UNLIMITED } from '../admission/shared-count.js'
import type { Allowance, AllowedPool } from '../connections/allowance.js'
import { SERVICE, SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { ConnectionAsked } from './connection-asked.js'

/** Who waits for room looks again, and asks others again, after this time. ms */
const RECHECK_MS = 50
/** Who has given up a connection for others lets them go first for this time. ms */
const GIVES_WAY_MS = 20

/** Of all endpoints of a service. */
export const ANY_SLOT = -1

/** What a service's connections tell the other threads of its balancer. */
export interface ConnectionNews {
  /** A request waits for a connection to that slot, or to any, and the limit is reached: idle ones are to be closed. */
  wanted(slot: number): void
  /** There may be room for one more. */
  freed(): void
}

/**
 * The limits of one service's connections, over all endpoints and all threads, as this thread's pools meet them. A connection over a limit is not opened:
 * its request waits for a free one. What holds the place that it needs may be another thread's, or another
 * endpoint's. So idle ones are closed where others wait; and where others wait that have no connection at all, one that
 * is busy goes when its request has ended. Requests beyond `maxPending` are refused.
 */
export class ConnectionLimits {
  readonly state: SharedState
  readonly counters: ConnectionCounters
  readonly asked: ConnectionAsked
  readonly #limits: () => ResolvedLimits
  readonly #slots: SlotCounters
  readonly #news: ConnectionNews
  readonly #ended: () => void
  readonly #pools = new Map<AllowedPool, EndpointAllowance>()
  /** Pools that the limits have kept from opening a connection. */
  readonly #short = new Set<AllowedPool>()
  #recheck: NodeJS.Timeout | undefined
  /** When others were last told of which slot, on the clock of `performance.now()`. */
  #toldAt = Number.NEGATIVE_INFINITY
  #toldOf = ANY_SLOT
  /** Connections that are being closed for others: no more than one busy one at a time. */
  yielding = 0

  /** @param ended a connection is closed: its endpoint may have left, and its slot be free now */
  constructor(
    state: SharedState,
    service: number,
    counters: ConnectionCounters,
    slots: SlotCounters,
    limits: () => ResolvedLimits,
    news: ConnectionNews,
    ended: () => void,
  ) {
    this.state = state
    this.counters = counters
    this.asked = new ConnectionAsked(
      state,
      state.serviceWords(service),
      state.serviceField(service, SERVICE.CONNECTION_ASKED_AT),
    )
    this.#slots = slots
    this.#limits = limits
    this.#news = news
    this.#ended = ended
  }

  get limits(): ResolvedLimits {
    return this.#limits()
  }

  /** Those of one endpoint. */
  of(slot: number, id: string): Allowance {
    return new EndpointAllowance(this, slot, id, this.#slots.of(slot))
  }

  add(pool: AllowedPool, allowance: EndpointAllowance): void {
    this.#pools.set(pool, allowance)
  }

  remove(pool: AllowedPool): void {
    this.#pools.delete(pool)
    this.#short.delete(pool)
  }

  /** A pool may not open a connection, for want of room at its slot or in the service (`ANY_SLOT`). */
  lacks(pool: AllowedPool, slot: number): void {
    this.#recheck ??= setInterval(() => this.retry(), RECHECK_MS)
    this.#short.add(pool)
    // Not with every connection that comes and goes while many wait.
    const now = performance.now()
    if (now - this.#toldAt < RECHECK_MS && slot === this.#toldOf) return
    this.#toldAt = now
    this.#toldOf = slot
    this.closeIdle(slot)
    this.#news.wanted(slot)
  }

  /** Others wait for a connection to that slot, or to any. */
  closeIdle(slot: number): void {
    for (const [pool, { slot: own, counters }] of this.#pools) {
      const waiting = (slot === ANY_SLOT ? this.counters : counters).pending.value
      if (slot === ANY_SLOT || slot === own) pool.closeIdle(Math.max(1, waiting))
    }
  }

  /** A connection is closed. */
  freed(): void {
    this.retry()
    const { pending } = this.counters
    if (pending.value > pending.ownValue) this.#news.freed()
    this.#ended()
  }

  /** There may be room. Those go first that have no connection. */
  retry(): void {
    const short = [...this.#short]
    this.#short.clear()
    if (short.length === 0) {
      clearInterval(this.#recheck)
      this.#recheck = undefined
      return
    }
    for (const pool of short) if (pool.hasNone) pool.retry()
    for (const pool of short) if (!pool.hasNone) pool.retry()
  }
}

class EndpointAllowance implements Allowance {
  readonly slot: number
  readonly counters: ConnectionCounters
  readonly #id: string
  readonly #service: ConnectionLimits
  readonly #asked: ConnectionAsked
  /** On the clock of `performance.now()`: a connection of it was given up, and those who asked go first. */
  #givesWayUntil = 0

  constructor(service: ConnectionLimits, slot: number, id: string, counters: ConnectionCounters) {
    this.#service = service
    this.slot = slot
    this.#id = id
    this.counters = counters
    const { state } = service
    const at = state.slotWord(slot) + SLOT.CONNECTION_ASKED_AT
    this.#asked = new ConnectionAsked(state, state.segmentOf(slot).cells, at)
  }

  open(pool: AllowedPool): boolean {
    const service = this.#service
    if (service.state.detached) return true
    const { maxConnections, perEndpoint } = service.limits
    const hasNone = pool.hasNone && performance.now() >= this.#givesWayUntil
    const most = perEndpoint.maxConnections || UNLIMITED
    if ((!hasNone && this.#asked.isRecent) || this.counters.connections.enter(most) === NO_PLACE)
      return this.#refuse(pool, this.#asked, this.slot)
    const mostOfAll = maxConnections || UNLIMITED
    const isKept = !hasNone && service.asked.isRecent
    if (isKept || service.counters.connections.enter(mostOfAll) === NO_PLACE) {
      this.counters.connections.leave()
      return this.#refuse(pool, service.asked, ANY_SLOT)
    }
    // Others that have none either ask again before long.
    if (hasNone) for (const asked of [this.#asked, service.asked]) asked.served()
    return true
  }

  #refuse(pool: AllowedPool, asked: ConnectionAsked, slot: number): false {
    if (pool.hasNone) asked.ask()
    this.#service.lacks(pool, slot)
    return false
  }

  closed(wasYielded: boolean): void {
    const service = this.#service
    if (wasYielded) {
      service.yielding--
      this.#givesWayUntil = performance.now() + GIVES_WAY_MS
    }
    if (service.state.detached) return
    service.counters.connections.leave()
    // Last: with no connection there the slot may become another endpoint's.
    this.counters.connections.leave()
    service.freed()
  }

  wait(): string | undefined {
    const service = this.#service
    if (service.state.detached) return undefined
    const { maxPending, perEndpoint } = service.limits
    const most = perEndpoint.maxPending || UNLIMITED
    if (this.counters.pending.enter(most) === NO_PLACE)
      return `limits.perEndpoint.maxPending, ${most}, is reached at ${this.#id}: so many requests wait for a connection`
    const mostOfAll = maxPending || UNLIMITED
    if (service.counters.pending.enter(mostOfAll) !== NO_PLACE) return undefined
    this.counters.pending.leave()
    return `limits.maxPending, ${mostOfAll}, is reached: so many requests wait for a connection`
  }

  served(): void {
    const service = this.#service
    if (service.state.detached) return
    service.counters.pending.leave()
    this.counters.pending.leave()
  }

  mustYield(): boolean {
    const service = this.#service
    if (!this.#asked.isRecent && !service.asked.isRecent) return false
    if (service.yielding > 0) return false
    const { maxConnections, perEndpoint } = service.limits
    const isFull =
      this.counters.connections.value >= (perEndpoint.maxConnections || UNLIMITED) ||
      service.counters.connections.value >= (maxConnections || UNLIMITED)
    // Where there is room, nobody needs this one.
    return isFull
  }

  yielded(): void {
    this.#service.yielding++
  }

  add(pool: AllowedPool): void {
    this.#service.add(pool, this)
  }

  remove(pool: AllowedPool): void {
    this.#service.remove(pool)
  }
}
