import type { Duplex } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { Endpoint } from '../model.js'
import type { ResolvedClient } from '../options/resolved.js'
import { loadUndici } from '../runtime/lazy.js'

/** What a service's requests need of its connections. */
export type ServiceTransports = Pick<Transports, keyof Transports>

/** The connections of one service: an undici `Pool` an endpoint, made when it is first chosen. */
export class Transports {
  readonly #pools = new Map<string, Pool>()
  /** Of endpoints that left, or of earlier options: their requests in flight finish. */
  readonly #closing = new Map<Pool, Promise<void>>()
  /** Upgraded connections: undici has let go of them. */
  readonly #upgraded = new Set<Duplex>()
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
    const pool = new Pool(url, this.#options)
    this.#pools.set(url, pool)
    return pool
  }
}

/** What undici knows of the client options: all but `host`. */
function poolOptions({ host: _, ...pool }: ResolvedClient): Pool.Options {
  return pool
}

/** Keys (Buffers) and functions count by their text: enough to tell whether anything changed. */
const textOf = (options: Pool.Options): string =>
  JSON.stringify(options, (_key, value: unknown) => (typeof value === 'function' ? String(value) : value)) ??
  ''
