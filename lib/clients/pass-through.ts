import type { EventEmitter } from 'node:events'
import type { Dispatcher } from 'undici'
import { loadUndici } from '../runtime/lazy.js'
import { dispatchBy } from './generations.js'

/** What undici's own dispatchers say of themselves when they are asked, beside what `Dispatcher`'s type tells. */
export interface Facts {
  readonly webSocketOptions?: Readonly<Record<string, unknown>>
  readonly eventSourceOptions?: Readonly<Record<string, unknown>>
  readonly isMockActive?: boolean
  readonly stats?: Readonly<Record<string, unknown>>
}

/** Events of a dispatcher's connections. */
const EVENTS = new Set<string | symbol>(['connect', 'disconnect', 'connectionError', 'drain'])

/**
 * Takes the requests whose host names no service. Unless one is given that is the global dispatcher of the moment when
 * this is made: set as the global dispatcher afterwards, fairlead's own must not be sent back to itself, and a proxy
 * agent that was set before goes on doing its work.
 */
export class PassThrough {
  readonly dispatch: Dispatcher['dispatch']
  readonly #target: Dispatcher
  readonly #forwarded = new Map<string, (...args: unknown[]) => void>()

  constructor(given: Dispatcher | undefined) {
    this.#target = given ?? loadUndici().getGlobalDispatcher()
    this.dispatch = dispatchBy(this.#target)
  }

  get facts(): Facts {
    return this.#target as Facts
  }

  /** Emits on `dispatcher` what the target emits of that name: from when on somebody listens, so that nobody else is held. */
  forward(event: string | symbol, dispatcher: EventEmitter): void {
    if (typeof event !== 'string' || !EVENTS.has(event) || this.#forwarded.has(event)) return
    const target = this.#target as unknown as EventEmitter
    if (typeof target.on !== 'function') return
    const listener = (origin: unknown, targets: unknown, ...rest: unknown[]) =>
      void dispatcher.emit(event, origin, [dispatcher, ...(Array.isArray(targets) ? targets : [])], ...rest)
    this.#forwarded.set(event, listener)
    target.on(event, listener)
  }

  /** Forwards nothing more. */
  release(): void {
    for (const [event, listener] of this.#forwarded)
      (this.#target as unknown as EventEmitter).off(event, listener)
    this.#forwarded.clear()
  }
}
