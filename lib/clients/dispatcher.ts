import type { EventEmitter } from 'node:events'
import { stringify } from 'node:querystring'
import type { Agent, Dispatcher } from 'undici'
import type { ServiceRuntime } from '../balancer/service-runtime.js'
import { ArgumentError, SchemeError } from '../errors.js'
import type { PickOptions } from '../model/index.js'
import { hostToSet } from '../options/host-header.js'
import { isDispatcher } from '../runtime/dispatchers.js'
import { loadUndici } from '../runtime/lazy.js'
import type { ViewOptions } from '../view/service-view.js'
import { BalancedRequest, type RequestContext } from './balanced-request.js'
import { FailedTries } from './failed-tries.js'
import { type GuardedHandler, guardHandler } from './guarded-handler.js'
import { asFirstGeneration, invalidArgument, refuseIncomplete } from './handler.js'
import { headersByName, repeatable, withHost } from './host.js'
import { type Facts, PassThrough } from './pass-through.js'
import { watched } from './watched-body.js'

/** What the dispatcher asks of the balancer. */
export interface DispatcherOwner {
  /** The context of the service that an origin's host names, or undefined where it names none. */
  contextFor(origin: string): RequestContext | undefined
  /** Options of `balancer.with` in force for the code that runs now. */
  currentPick(): PickOptions | undefined
  /** What undici says of the connections to all endpoints, by URL. */
  stats(): Record<string, unknown>
}

/** What `balancer.dispatcher()` takes. */
export interface DispatcherOptions {
  /**
   * Takes the requests whose host names no service. Unless given it is undici's global dispatcher as it is when this
   * dispatcher is made.
   */
  passThrough?: Dispatcher
  /** Limits of messages over a `WebSocket`, as an undici `Agent` takes them. Default: those of `passThrough`. */
  webSocket?: NonNullable<Agent.Options['webSocket']>
  /** Limits of an `EventSource`'s events, likewise. */
  eventSource?: NonNullable<Agent.Options['eventSource']>
}

/** One call's own wishes, on top of `balancer.with`: from `balancer.fetch`. */
export interface CallOptions {
  pick?: PickOptions
  /** The body as it was given, where `fetch` made a stream of it. */
  body?: Uint8Array | string
}

/** A dispatcher of `balancer.dispatcher()`, with what undici's `fetch`, `WebSocket` and `MockAgent` ask of one. */
export interface BalancedDispatcher extends Dispatcher {
  readonly closed: boolean
  readonly destroyed: boolean
  readonly isMockActive: boolean
  /** As `dispatch`, with what only this call wants. @internal */
  dispatchWith(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    call: CallOptions,
  ): boolean
}

/** Makes the dispatcher; undici is loaded here, on first use. */
export function createDispatcher(
  owner: DispatcherOwner,
  options: DispatcherOptions = {},
): BalancedDispatcher {
  const undici = loadUndici()
  if (options.passThrough !== undefined && !isDispatcher(options.passThrough))
    throw new ArgumentError(
      `passThrough is ${String(options.passThrough)}; it takes an undici Dispatcher, an Agent or a ProxyAgent say`,
    )
  const passThrough = new PassThrough(options.passThrough)
  // Not private fields: what `compose` returns is a proxy, which has none.
  const live: GuardedHandler[] = []
  const whenIdle: (() => void)[] = []
  const state = { closed: false, destroyed: false }
  const forget = (handler: GuardedHandler): void => {
    // A `Set` would cost each request 300 ns here: the last one takes the place.
    const last = live.pop() as GuardedHandler
    if (last !== handler) {
      live[handler.place] = last
      last.place = handler.place
    }
    if (live.length === 0) for (const tell of whenIdle.splice(0)) tell()
  }
  const refuseUnlessOpen = (): void => {
    if (state.destroyed) throw new undici.errors.ClientDestroyedError()
    if (state.closed) throw new undici.errors.ClientClosedError()
  }

  /** Balanced for hosts that name a service, passed through for all others. Closing it leaves the balancer running. */
  class FairleadDispatcher extends undici.Dispatcher implements BalancedDispatcher {
    constructor() {
      super()
      const events = this as unknown as EventEmitter
      events.on('newListener', (event: string | symbol) => passThrough.forward(event, events))
    }

    override dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      return this.dispatchWith(request, handler, NO_OPTIONS)
    }

    dispatchWith(
      request: Dispatcher.DispatchOptions,
      handler: Dispatcher.DispatchHandler,
      call: CallOptions,
    ): boolean {
      if (!handler || typeof handler !== 'object') throw invalidArgument('handler must be an object')
      let balanced: BalancedRequest | undefined
      try {
        if (!request || typeof request !== 'object') throw invalidArgument('opts must be an object.')
        refuseUnlessOpen()
        const context = owner.contextFor(originOf(request.origin))
        if (context !== undefined) {
          refuseIncomplete(handler, request.method, request.upgrade)
          const scope = owner.currentPick()
          const own = scope !== undefined && call.pick !== undefined ? { ...scope, ...call.pick } : undefined
          const sent = prepared(context.service, request, call)
          const pick = pickOptions(context.service, sent, own ?? call.pick ?? scope)
          const guarded = guardHandler(handler, forget)
          guarded.place = live.push(guarded) - 1
          balanced = new BalancedRequest(context, sent, guarded, pick)
        }
      } catch (error) {
        return refuse(handler, error)
      }
      if (balanced === undefined) return passThrough.dispatch(request, handler)
      balanced.start()
      return true
    }

    /** No new requests; calls back, or resolves, when those under way have ended. */
    override close(): Promise<void>
    override close(callback: () => void): void
    override close(callback?: () => void): Promise<void> | undefined {
      const idle = async (): Promise<void> => {
        if (state.destroyed) throw new undici.errors.ClientDestroyedError()
        state.closed = true
        passThrough.release()
        if (live.length > 0) await new Promise<void>((resolve) => whenIdle.push(resolve))
        state.destroyed = true
      }
      return settle(idle(), callback)
    }

    /** No new requests; those under way are told `error`. */
    override destroy(error?: Error | null): Promise<void>
    override destroy(callback: () => void): void
    override destroy(error: Error | null, callback: () => void): void
    override destroy(error?: unknown, callback?: unknown): Promise<void> | undefined {
      const reason = typeof error === 'function' ? undefined : error
      state.destroyed = true
      passThrough.release()
      for (const handler of [...live]) handler.abort(reason ?? new undici.errors.ClientDestroyedError())
      return settle(Promise.resolve(), callback ?? (typeof error === 'function' ? error : undefined))
    }

    get closed(): boolean {
      return state.closed
    }

    get destroyed(): boolean {
      return state.destroyed
    }

    /** Whether a `MockAgent` takes what passes through: undici's `fetch` then hands over bodies as they were given. */
    get isMockActive(): boolean {
      return passThrough.facts.isMockActive === true
    }

    /** undici's `WebSocket` asks for these: without them a message may have any size. */
    get webSocketOptions(): Readonly<Record<string, unknown>> {
      return { ...usual().webSocketOptions, ...passThrough.facts.webSocketOptions, ...options.webSocket }
    }

    get eventSourceOptions(): Readonly<Record<string, unknown>> {
      return {
        ...usual().eventSourceOptions,
        ...passThrough.facts.eventSourceOptions,
        ...options.eventSource,
      }
    }

    /** Connections and requests of each origin, as an `Agent` tells them: those of endpoints by their URL. */
    get stats(): Readonly<Record<string, unknown>> {
      return { ...passThrough.facts.stats, ...owner.stats() }
    }
  }
  return new FairleadDispatcher()
}

/** What undici's dispatchers say of themselves unless they are told otherwise. */
const usual = (): Facts => new (loadUndici().Agent)() as unknown as Facts

const NO_OPTIONS: CallOptions = Object.freeze({})

/** Tells the handler, as undici's own dispatchers do, or throws where it cannot be told. */
function refuse(handler: object, error: unknown): false {
  const told = asFirstGeneration(handler)
  if (typeof told.onError !== 'function') throw error
  told.onError(error as Error)
  return false
}

/** What the connection is to send: the caller's options, but for a Host header, a body whose bytes are at hand, and headers that can be read only once. */
function prepared(
  service: ServiceRuntime,
  request: Dispatcher.DispatchOptions,
  call: CallOptions,
): Dispatcher.DispatchOptions {
  const { host: option, connect } = service.options.client
  const host = hostToSet(option, service.name)
  const body = request.body && (call.body ?? watched(request.body))
  const headers = repeatable(request.headers)
  if (host === undefined && body === request.body && headers === request.headers) return request
  const copy = { ...request, body, headers }
  if (host !== undefined) {
    copy.headers = withHost(headers, host)
    // undici would take the Host header as the name for TLS; a name that was configured stands above it.
    const servername = connect?.['servername']
    if (typeof servername === 'string') Object.assign(copy, { servername })
  }
  return copy
}

/** Only where the service hashes on parts of the request are they looked at. */
function pickOptions(
  service: ServiceRuntime,
  request: Dispatcher.DispatchOptions,
  pick: PickOptions | undefined,
): ViewOptions | undefined {
  const { hashOn, client } = service.options
  const origin = originOf(request.origin)
  const tlsOnly = !origin.startsWith('http:') && ASKS_FOR_TLS.test(origin) && client.allowPlaintext !== true
  if (tlsOnly) refusePlaintext(service, origin)
  const looksAt =
    hashOn === undefined || pick?.key !== undefined
      ? pick
      : { path: pathOf(request), headers: headersByName(request.headers), ...pick }
  return tlsOnly ? { ...looksAt, tlsOnly } : looksAt
}

const ASKS_FOR_TLS = /^(?:https|wss):/i

/** Throws where the service has nothing but endpoints to which the request would go in clear text. */
function refusePlaintext({ name, members }: ServiceRuntime, origin: string): void {
  if (members.length === 0 || members.some(({ endpoint }) => endpoint.url.startsWith('https:'))) return
  const ids = members.map(({ endpoint }) => endpoint.id)
  throw new FailedTries().attachTo(new SchemeError(name, ids, origin), name)
}

/** With undici's `query` option on it, as undici will send it. */
function pathOf({ path, query }: Dispatcher.DispatchOptions): string {
  // With both, undici refuses the request.
  if (!query || /[?#]/.test(path)) return path
  const text = stringify(query)
  return text === '' ? path : `${path}?${text}`
}

/** `host[:port]` of an origin; service names are matched against it. */
export function hostOf(origin: string): string {
  const start = origin.indexOf('://') + '://'.length
  const end = origin.indexOf('/', start)
  return end < 0 ? origin.slice(start) : origin.slice(start, end)
}

const originOf = (origin: string | URL | undefined): string =>
  typeof origin === 'string' ? origin : (origin?.origin ?? '')

/** `close` and `destroy` return a promise, or call back where they are given a function. */
function settle(done: Promise<void>, callback: unknown): Promise<void> | undefined {
  if (callback === undefined) return done
  if (typeof callback !== 'function') throw invalidArgument('invalid callback')
  done.then(
    () => callback(null, null),
    (error) => callback(error, null),
  )
  return undefined
}
