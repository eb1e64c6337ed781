import type { Dispatcher } from 'undici'
import type { PickOptions } from '../model.js'
import { hostToSet } from '../options/host-header.js'
import { loadUndici } from '../runtime/lazy.js'
import type { Service } from '../service.js'
import { BalancedRequest, type RequestContext } from './balanced-request.js'
import { asFirstGeneration } from './handler.js'
import { headersByName, withHost } from './host.js'
import { watched } from './watched-body.js'

/** What the dispatcher asks of the balancer. */
export interface DispatcherOwner {
  /** The context of the service that an origin's host names, or undefined where it names none. */
  contextFor(origin: string): RequestContext | undefined
  /** Options of `balancer.with` in force for the code that runs now. */
  currentPick(): PickOptions | undefined
}

export interface DispatcherOptions {
  /** Takes the requests whose host names no service. An undici `Agent` unless given. */
  passThrough?: Dispatcher
}

/** One call's own wishes, on top of `balancer.with`: from `balancer.fetch`. */
export interface CallOptions {
  pick?: PickOptions
  /** The body's bytes, where `fetch` made a stream of them. */
  body?: Uint8Array
}

export interface BalancedDispatcher extends Dispatcher {
  /** As `dispatch`, with what only this call wants. */
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
  let passThrough = options.passThrough

  /** Balanced for hosts that name a service, passed through for all others. Closing it leaves the balancer running. */
  class FairleadDispatcher extends undici.Dispatcher implements BalancedDispatcher {
    override dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      return this.dispatchWith(request, handler, NO_OPTIONS)
    }

    dispatchWith(
      request: Dispatcher.DispatchOptions,
      handler: Dispatcher.DispatchHandler,
      call: CallOptions,
    ): boolean {
      const context = owner.contextFor(originOf(request.origin))
      if (context === undefined) {
        passThrough ??= new undici.Agent()
        return passThrough.dispatch(request, handler)
      }
      const { service } = context
      const scope = owner.currentPick()
      const own = scope !== undefined && call.pick !== undefined ? { ...scope, ...call.pick } : undefined
      const pick = pickOptions(service, request, own ?? call.pick ?? scope)
      new BalancedRequest(context, prepared(service, request, call), asFirstGeneration(handler), pick).start()
      return true
    }

    override close(): Promise<void>
    override close(callback: () => void): void
    override close(callback?: () => void): Promise<void> | undefined {
      return settle(callback)
    }

    override destroy(error?: Error | null): Promise<void>
    override destroy(callback: () => void): void
    override destroy(error: Error | null, callback: () => void): void
    override destroy(error?: unknown, callback?: unknown): Promise<void> | undefined {
      return settle(callback ?? error)
    }
  }
  return new FairleadDispatcher()
}

const NO_OPTIONS: CallOptions = Object.freeze({})

/** What the connection is to send: the caller's options, but for a Host header and a body whose bytes are at hand. */
function prepared(
  service: Service,
  request: Dispatcher.DispatchOptions,
  call: CallOptions,
): Dispatcher.DispatchOptions {
  const { host: option, connect } = service.options.client
  const host = hostToSet(option, service.name)
  const body = request.body && (call.body ?? watched(request.body))
  if (host === undefined && body === request.body) return request
  const copy = { ...request, body }
  if (host !== undefined) {
    copy.headers = withHost(request.headers, host)
    // undici would take the Host header as the name for TLS; a name that was configured stands above it.
    const servername = connect?.['servername']
    if (typeof servername === 'string') Object.assign(copy, { servername })
  }
  return copy
}

/** Only where the service hashes on parts of the request are they looked at. */
function pickOptions(
  service: Service,
  request: Dispatcher.DispatchOptions,
  pick: PickOptions | undefined,
): PickOptions | undefined {
  if (service.options.hashOn === undefined || pick?.key !== undefined) return pick
  return { path: request.path, headers: headersByName(request.headers), ...pick }
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
function settle(callback: unknown): Promise<void> | undefined {
  if (typeof callback !== 'function') return Promise.resolve()
  queueMicrotask(() => callback(null))
  return undefined
}
