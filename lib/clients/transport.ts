import type { Dispatcher, Pool } from 'undici'
import type { Allowance } from '../connections/allowance.js'
import type { PoolOptions } from '../connections/connector.js'
import { ConnectionPool, NO_CONNECTIONS } from '../connections/pool.js'
import { ArgumentError, ConfigError } from '../errors.js'
import type { ConnectionCounts, DispatcherFactory, Endpoint } from '../model/index.js'
import { join } from '../options/faults.js'
import { dispatcherFactory, isDispatcher } from '../runtime/dispatchers.js'
import { dispatchBy } from './generations.js'

/** Where a transport comes from: a dispatcher of the user's, a factory of his, or the name of one. */
export type Source = Dispatcher | DispatcherFactory | string

/** What carries the requests to one endpoint: fairlead's connections, or a dispatcher. */
export interface Way {
  readonly pool: ConnectionPool | undefined
  /** Where there is no `pool`. */
  readonly dispatcher: Pick<Dispatcher, 'dispatch'> | undefined
  /** Made by fairlead; otherwise the user's. */
  readonly isOurs: boolean
}

/** The way to one endpoint: connections of fairlead's, or a dispatcher of the user's. */
export class Transport implements Way {
  readonly pool: ConnectionPool | undefined
  readonly dispatcher: Pick<Dispatcher, 'dispatch'> | undefined
  readonly source: Source | undefined
  readonly #target: ConnectionPool | Dispatcher

  private constructor(target: ConnectionPool | Dispatcher, source: Source | undefined, origin: string) {
    this.#target = target
    this.source = source
    if (target instanceof ConnectionPool) this.pool = target
    else this.dispatcher = sending(target, origin)
  }

  /** Over connections of fairlead's. */
  static open(url: string, options: PoolOptions, allowance?: Allowance): Transport {
    return new Transport(new ConnectionPool(url, options, allowance), undefined, url)
  }

  /**
   * Over a dispatcher of the user's.
   * @throws ConfigError, ArgumentError, or what the factory throws
   */
  static of(source: Source, service: string, endpoint: Endpoint, options: Pool.Options): Transport {
    if (isDispatcher(source)) return new Transport(source, source, endpoint.url)
    const factory = typeof source === 'string' ? dispatcherFactory(source) : source
    if (factory === undefined) {
      const path = `${join('services', service)}.client.dispatcher`
      const message = `"${String(source)}" is not defined in this thread; call defineDispatcher("${String(source)}", ...) there too`
      throw new ConfigError([{ path, message }])
    }
    const target = factory(endpoint, options)
    if (!isDispatcher(target))
      throw new ArgumentError(
        `the dispatcher factory of service "${service}" returned ${String(target)} for ${endpoint.id}; it must return an undici Dispatcher`,
      )
    return new Transport(target, source, endpoint.url)
  }

  get isOurs(): boolean {
    return this.source === undefined
  }

  /** In undici's words. */
  get stats(): unknown {
    return (this.#target as { stats?: unknown }).stats
  }

  get counts(): ConnectionCounts {
    return this.pool?.counts ?? NO_CONNECTIONS
  }

  /** Resolves when its requests in flight have ended. */
  async close(): Promise<void> {
    // A dispatcher of the user's may lack it, or have been closed by him.
    if (this.#isToClose) await Promise.resolve(this.#target.close?.()).catch(() => {})
  }

  /** Cuts off what is still open. */
  async destroy(): Promise<void> {
    if (this.#isToClose) await Promise.resolve(this.#target.destroy?.()).catch(() => {})
  }

  /** Not what the user has made and may need still. */
  get #isToClose(): boolean {
    return this.#target !== this.source
  }
}

/** A dispatcher for many origins (an `Agent`, a `MockAgent`) is told which. */
function sending(target: Dispatcher, origin: string): Pick<Dispatcher, 'dispatch'> {
  const dispatch = dispatchBy(target)
  return { dispatch: (options, handler) => dispatch({ ...options, origin }, handler) }
}
