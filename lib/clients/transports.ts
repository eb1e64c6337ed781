import type { Dispatcher, Pool } from 'undici'
import type { Endpoint } from '../model.js'
import type { ResolvedClient } from '../options/resolved.js'
import { loadUndici } from '../runtime/lazy.js'

/** The connections of one service: an undici `Pool` an endpoint, made when it is first chosen. */
export class Transports {
  readonly #pools = new Map<string, Pool>()
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

  /** Closes the connections to an endpoint once its requests in flight have ended. */
  forget(url: string): void {
    const pool = this.#pools.get(url)
    this.#pools.delete(url)
    void pool?.close()
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.close()))
  }

  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
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
