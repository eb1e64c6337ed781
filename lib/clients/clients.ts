import { AsyncLocalStorage } from 'node:async_hooks'
import type { BalancerCore } from '../balancer/balancer.js'
import type { ServiceRuntime } from '../balancer/service-runtime.js'
import type { BalancerChange } from '../balancer/services.js'
import type { ResolvedClient } from '../connections/options.js'
import type { PickOptions } from '../model/index.js'
import { LoopLateness } from '../runtime/loop-lateness.js'
import { systemTimers } from '../runtime/timers.js'
import type { RequestContext } from './balanced-request.js'
import { type ScopedOptions, scoped } from './deadline.js'
import { type DispatcherOwner, hostOf } from './dispatcher.js'
import { type AllowanceOf, type ServiceTransports, Transports } from './transports.js'

/** Opens the connections of a service. */
export type OpenTransports = (
  service: string,
  client: ResolvedClient,
  allowanceOf: AllowanceOf,
) => ServiceTransports

const ownTransports: OpenTransports = (service, client, allowanceOf) =>
  new Transports(service, client, allowanceOf)

/** What requests of fairlead's own clients stand on: connections of each service, and the options of the scope they are made in. */
export class Clients implements DispatcherOwner {
  readonly #core: BalancerCore
  readonly #open: OpenTransports
  /** By service, since a service that leaves and comes back has connections of its own. */
  readonly #contexts = new Map<ServiceRuntime, RequestContext>()
  /** Of services that left, while their requests in flight finish. */
  readonly #leaving = new Set<ServiceTransports>()
  readonly #origins = new Map<string, RequestContext>()
  readonly #lateness = new LoopLateness(systemTimers)
  #scope: AsyncLocalStorage<ScopedOptions> | undefined

  constructor(core: BalancerCore, open: OpenTransports = ownTransports) {
    this.#core = core
    this.#open = open
  }

  /** Pick options for every request made inside `fn`, whatever it awaits. */
  runWith<T>(options: PickOptions, fn: () => T): T {
    this.#scope ??= new AsyncLocalStorage()
    return this.#scope.run(scoped(this.#scope.getStore(), options, this.#core.now()), fn)
  }

  /** Those options, where there are any. */
  currentPick(): ScopedOptions | undefined {
    return this.#scope?.getStore()
  }

  /** By the origin as the caller wrote it: the same text again and again, so that it need not be taken apart each time. */
  contextFor(origin: string): RequestContext | undefined {
    const known = this.#origins.get(origin)
    if (known !== undefined) return known
    const service = this.#core.find(hostOf(origin))
    if (service === undefined) return undefined
    const context = this.#contextOf(service)
    this.#origins.set(origin, context)
    return context
  }

  #contextOf(service: ServiceRuntime): RequestContext {
    let context = this.#contexts.get(service)
    if (context === undefined) {
      const transports = this.#open(service.name, service.options.client, (slot, id) =>
        service.connectionLimits.of(slot, id),
      )
      service.countConnections = (url) => transports.counts(url)
      context = { balancer: this.#core, service, transports, lateness: this.#lateness }
      this.#contexts.set(service, context)
    }
    return context
  }

  /** What is known of each endpoint's connections, by URL. */
  stats(): Record<string, unknown> {
    return Object.assign({}, ...Array.from(this.#contexts.values(), ({ transports }) => transports.stats))
  }

  /** Has the connections follow what has changed. */
  follow(changes: readonly BalancerChange[]): void {
    for (const change of changes) {
      if (change.kind === 'configured') this.#configure()
      else if (change.kind === 'left') this.#leave(change.service)
      else if (change.type === 'removed')
        this.#contexts.get(change.service)?.transports.forget(change.member.endpoint.url)
    }
  }

  #configure(): void {
    this.#origins.clear()
    for (const [service, { transports }] of this.#contexts) transports.configure(service.options.client)
  }

  #leave(service: ServiceRuntime): void {
    const transports = this.#contexts.get(service)?.transports
    this.#contexts.delete(service)
    this.#origins.clear()
    if (transports === undefined) return
    this.#leaving.add(transports)
    void transports.close().then(() => this.#leaving.delete(transports))
  }

  /** Cuts off whatever is still in flight. */
  async destroy(): Promise<void> {
    const all = [...Array.from(this.#contexts.values(), ({ transports }) => transports), ...this.#leaving]
    this.#contexts.clear()
    this.#lateness.stop()
    await Promise.all(all.map((transports) => transports.destroy()))
  }
}
