import type { Dispatcher, Pool } from 'undici'
import { ArgumentError, ConfigError } from '../errors.js'
import type { DispatcherFactory, Endpoint } from '../model/index.js'
import { join } from '../options/faults.js'
import { dispatcherFactory, isDispatcher } from '../runtime/dispatchers.js'
import { dispatchBy } from './generations.js'

/** Where a transport comes from: a dispatcher of the user's, a factory of his, or the name of one. */
export type Source = Dispatcher | DispatcherFactory | string

/** The way to one endpoint: an undici `Pool`, or a dispatcher of the user's. */
export class Transport {
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>
  readonly source: Source | undefined
  readonly #target: Dispatcher
  /** Whether fairlead closes it: not what the user has made and may need still. */
  readonly #isOurs: boolean

  constructor(target: Dispatcher, source: Source | undefined, origin?: string) {
    this.#target = target
    this.source = source
    this.#isOurs = target !== source
    this.dispatcher = origin === undefined ? target : sending(target, origin)
  }

  /** @throws ConfigError, ArgumentError, or what the factory throws */
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

  /** Made by fairlead; otherwise the user's. */
  get isPool(): boolean {
    return this.source === undefined
  }

  get stats(): unknown {
    return (this.#target as { stats?: unknown }).stats
  }

  /** Resolves when its requests in flight have ended. */
  async close(): Promise<void> {
    // A dispatcher of the user's may lack it, or have been closed by him.
    if (this.#isOurs) await Promise.resolve(this.#target.close?.()).catch(() => {})
  }

  /** Cuts off what is still open. */
  async destroy(): Promise<void> {
    if (this.#isOurs) await Promise.resolve(this.#target.destroy?.()).catch(() => {})
  }
}

/** A dispatcher for many origins (an `Agent`, a `MockAgent`) is told which. */
function sending(target: Dispatcher, origin: string): Pick<Dispatcher, 'dispatch'> {
  const dispatch = dispatchBy(target)
  return { dispatch: (options, handler) => dispatch({ ...options, origin }, handler) }
}
