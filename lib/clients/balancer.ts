import { AsyncLocalStorage } from 'node:async_hooks'
import type { Dispatcher } from 'undici'
import { BalancerCore } from '../balancer.js'
import { engine } from '../engine/index.js'
import type { Lease } from '../lease.js'
import type { PickOptions } from '../model.js'
import { describeBalancer, type HowToInspect, INSPECT } from '../observe/describe.js'
import type { EndpointChange } from '../observe/events.js'
import type { ResolvedClient } from '../options/resolved.js'
import { LoopLateness } from '../runtime/loop-lateness.js'
import { systemTimers, type Timers } from '../runtime/timers.js'
import type { Service } from '../service.js'
import { refuseGiven } from '../share/given-dispatchers.js'
import { type BalancerHandle, openAttachment } from '../share/handle.js'
import type { Member } from '../topology/member.js'
import type { RequestContext } from './balanced-request.js'
import {
  type BalancedDispatcher,
  createDispatcher,
  type DispatcherOptions,
  type DispatcherOwner,
  hostOf,
} from './dispatcher.js'
import { balancedFetch, type FetchInit } from './fetch.js'
import { type ServiceTransports, Transports } from './transports.js'

/** The load balancer, with the clients that send requests through it. See `BalancerCore` for a request's way. */
export class Balancer extends BalancerCore {
  /** By service, since a service that leaves and comes back has connections of its own. */
  readonly #contexts = new Map<Service, RequestContext>()
  /** Of services that left, while their requests in flight finish. */
  readonly #leaving = new Set<ServiceTransports>()
  readonly #origins = new Map<string, RequestContext>()
  readonly #fetchDispatcher = lazy(() => this.dispatcher() as BalancedDispatcher)
  readonly #lateness = new LoopLateness(systemTimers)
  #scope: AsyncLocalStorage<PickOptions> | undefined

  /**
   * The balancer of another thread of this process, by its `handle`: one in-flight count, one set of cursors, one health
   * view and one configuration for all. Throws `HandleError` where the handle is not one, is of another version or engine,
   * where its balancer was stopped, or where 64 threads are attached. Its `stop()` only detaches.
   */
  static attach(handle: BalancerHandle, timers: Timers = systemTimers): Balancer {
    return new Balancer(openAttachment(handle, engine.kind), timers)
  }

  /**
   * As the global `fetch`; the URL's host names the service, `init.balance` says how to balance this request. Rejects
   * with `UnknownServiceError`, `NoEndpointError`, `OverloadedError`, `SchemeError`, `StoppedError`, else as `fetch` does;
   * `error.fairlead` says which endpoints were tried. Works detached too: `const { fetch } = balancer`.
   */
  readonly fetch = (input: string | URL | Request, init?: FetchInit): Promise<Response> =>
    balancedFetch(
      this.#fetchDispatcher(),
      () => this.serviceNames,
      (host) => this.find(host) !== undefined,
      input,
      init,
    )

  /**
   * An undici `Dispatcher`: for `request`, `stream`, `fetch` of undici 7 and 8, and with `setGlobalDispatcher` for
   * Node's own `fetch`. Requests whose host names no service pass through. Works detached too.
   * @throws ArgumentError where `passThrough` is no dispatcher
   */
  readonly dispatcher = (options?: DispatcherOptions): Dispatcher => {
    const owner: DispatcherOwner = {
      contextFor: (origin) => this.#contextFor(origin),
      currentPick: () => this.#scope?.getStore(),
      stats: () => this.#connectionStats(),
    }
    return createDispatcher(owner, options)
  }

  /** Pick options for every request made inside `fn`, whatever it awaits: `pick`, `fetch`, every dispatcher. */
  with<T>(options: PickOptions, fn: () => T): T {
    this.#scope ??= new AsyncLocalStorage()
    return this.#scope.run({ ...this.#scope.getStore(), ...options }, fn)
  }

  [INSPECT](...how: HowToInspect): string {
    const { stopped, serviceNames: names } = this
    const service = (name: string) => this.service(name).facts
    return describeBalancer({ engine: engine.kind, stopped, names, service }, how)
  }

  protected override pickFrom(service: Service, options: PickOptions | undefined): Lease {
    const scope = this.#scope?.getStore()
    return super.pickFrom(service, scope === undefined ? options : { ...scope, ...options })
  }

  /**
   * This balancer as plain data, for other threads of the process: `Balancer.attach(handle)`. It serves at any later
   * time, until the balancer is stopped.
   * @throws StoppedError after that
   * @throws ConfigError where a service or an endpoint was given a dispatcher, or a function that makes one: neither goes to
   *   other threads; `defineDispatcher` registers a factory in each
   */
  override get handle(): BalancerHandle {
    for (const name of this.serviceNames) refuseGiven(this.service(name).base)
    return super.handle
  }

  /** By the origin as the caller wrote it: the same text again and again, so that it need not be taken apart each time. */
  #contextFor(origin: string): RequestContext | undefined {
    const known = this.#origins.get(origin)
    if (known !== undefined) return known
    const service = this.find(hostOf(origin))
    if (service === undefined) return undefined
    const context = this.#contextOf(service)
    this.#origins.set(origin, context)
    return context
  }

  #contextOf(service: Service): RequestContext {
    let context = this.#contexts.get(service)
    if (context === undefined) {
      const transports = this.openTransports(service.name, service.options.client)
      service.countConnections = (url) => transports.counts(url)
      context = {
        service,
        transports,
        now: () => this.now(),
        lateness: this.#lateness,
        isStopped: () => this.stopped,
      }
      this.#contexts.set(service, context)
    }
    return context
  }

  #connectionStats(): Record<string, unknown> {
    return Object.assign({}, ...Array.from(this.#contexts.values(), ({ transports }) => transports.stats))
  }

  /** The connections of a service. */
  protected openTransports(name: string, client: ResolvedClient): ServiceTransports {
    return new Transports(name, client)
  }

  protected override endpointChanged(service: Service, member: Member, change: EndpointChange): void {
    if (change === 'removed') this.#contexts.get(service)?.transports.forget(member.endpoint.url)
  }

  protected override reconfigured(): void {
    this.#origins.clear()
    for (const [service, { transports }] of this.#contexts) transports.configure(service.options.client)
  }

  protected override left(service: Service): void {
    const transports = this.#contexts.get(service)?.transports
    this.#contexts.delete(service)
    this.#origins.clear()
    if (transports === undefined) return
    this.#leaving.add(transports)
    void transports.close().then(() => this.#leaving.delete(transports))
  }

  /** What is still in flight after the drain is cut off. */
  protected override async closeClients(): Promise<void> {
    const all = [...Array.from(this.#contexts.values(), ({ transports }) => transports), ...this.#leaving]
    this.#contexts.clear()
    this.#lateness.stop()
    await Promise.all(all.map((transports) => transports.destroy()))
  }
}

/** A value that is made when it is first asked for. */
function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
