import type { Duplex } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { Endpoint } from '../model.js'
import type { ResolvedClient } from '../options/resolved.js'
import { loadUndici } from '../runtime/lazy.js'
import { watchedConnections } from './connector.js'

/** The connections of one service: an undici `Pool` an endpoint, made when it is first chosen. */
export class Transports {
  readonly #pools = new Map<string, Pool>()
  /** Of endpoints that left, or of earlier options: their requests in flight finish. */
  readonly #closing = new Map<Pool, Promise<void>>()
  /** Upgraded connections: undici has let go of them. */
  readonly #upgraded = new Set<Duplex>()
  /** When connections of HTTP/2 were last lost, by address, ms. */
  readonly #lastLoss = new Map<string, number>()
  #options: Pool.Options
  #optionsText: string

  constructor(client: ResolvedClient) {
    this.#options = poolOptions(client)
    this.#optionsText = textOf(this.#options)
  }

  to(endpoint: Endpoint): Dispatcher {
    const pool = this.#pools.get(endpoint.url)
    return pool === undefined ? this.#open(endpoint.url) : pool
  }

  /** Whether requests may have to wait for a connection. */
  get isLimited(): boolean {
    return Boolean(this.#options.connections)
  }

  /** Whether a request to the endpoint that was not sent yet waits for one of the connections that are allowed. */
  isQueued({ url }: Endpoint): boolean {
    const { connections } = this.#options
    const stats = connections ? this.#pools.get(url)?.stats : undefined
    return stats !== undefined && Math.max(stats.connected, stats.size - 1) >= (connections as number)
  }

  /**
   * Whether an error tells of the same loss of a connection as one before: a connection of HTTP/2 carries many requests,
   * and takes all of them along.
   */
  isSameLoss({ url }: Endpoint, error: Error, now: number): boolean {
    if (this.#options.allowH2 !== true || !isConnectionLoss(error)) return false
    const last = this.#lastLoss.get(url)
    this.#lastLoss.set(url, now)
    return last !== undefined && now - last < SAME_LOSS_MS
  }

  /** Takes over new client options: requests in flight finish on the old connections. */
  configure(client: ResolvedClient): void {
    const options = poolOptions(client)
    const text = textOf(options)
    if (text === this.#optionsText) return
    this.#options = options
    this.#optionsText = text
    void this.close()
  }

  /** Takes charge of an upgraded connection until it closes. */
  hold(socket: Duplex): void {
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
  }

  /** Closes the connections to an endpoint once its requests in flight have ended. */
  forget(url: string): void {
    const pool = this.#pools.get(url)
    this.#pools.delete(url)
    this.#lastLoss.delete(url)
    if (pool !== undefined) this.#finish(pool)
  }

  /** Resolves when all requests in flight have ended and all upgraded connections have closed. */
  async close(): Promise<void> {
    for (const pool of this.#pools.values()) this.#finish(pool)
    this.#pools.clear()
    await Promise.all(this.#closing.values())
    // After that, since a request in flight may have been upgraded meanwhile.
    await Promise.all(this.#upgradedClosed())
  }

  /** Cuts off all that is still open. */
  async destroy(): Promise<void> {
    const pools = [...this.#pools.values(), ...this.#closing.keys()]
    this.#pools.clear()
    const closed = this.#upgradedClosed()
    for (const socket of this.#upgraded) socket.destroy()
    await Promise.all([...pools.map((pool) => pool.destroy()), ...closed])
  }

  #finish(pool: Pool): void {
    this.#closing.set(
      pool,
      pool.close().then(() => void this.#closing.delete(pool)),
    )
  }

  #upgradedClosed(): Promise<void>[] {
    return Array.from(
      this.#upgraded,
      (socket) => new Promise((resolve) => socket.once('close', () => resolve())),
    )
  }

  #open(url: string): Pool {
    const { Pool } = loadUndici()
    const pool = new Pool(url, watchedConnections(this.#options))
    this.#pools.set(url, pool)
    return pool
  }
}

/** Requests of one connection are told of its end within this, in ms. */
const SAME_LOSS_MS = 50
const LOSS_CODES: readonly unknown[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ERR_HTTP2_SESSION_ERROR']

const isConnectionLoss = (error: Error): boolean => LOSS_CODES.includes((error as NodeJS.ErrnoException).code)

/** What undici knows of the client options: all but `host`. */
function poolOptions({ host: _, ...pool }: ResolvedClient): Pool.Options {
  return pool
}

/** Keys (Buffers) and functions count by their text: enough to tell whether anything changed. */
const textOf = (options: Pool.Options): string =>
  JSON.stringify(options, (_key, value: unknown) => (typeof value === 'function' ? String(value) : value)) ??
  ''
