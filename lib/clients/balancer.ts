import { EventEmitter } from 'node:events'
import type { Dispatcher } from 'undici'
import { BalancerCore } from '../balancer/balancer.js'
import { ServiceHandle } from '../balancer/service-handle.js'
import type { BalancerChange } from '../balancer/services.js'
import { refuseGiven } from '../configuration/given-dispatchers.js'
import type { RuleSet } from '../configuration/rules/rule-set.js'
import { engine } from '../engine/index.js'
import { ArgumentError } from '../errors.js'
import type {
  AcquireOptions,
  BalancerConfig,
  Lease,
  PickOptions,
  PickRequest,
  Service,
} from '../model/index.js'
import { StatsCollector, type StatsEvent, statsChannel } from '../observe/collector.js'
import { describeBalancer, type HowToInspect, INSPECT } from '../observe/describe.js'
import { type BalancerEvents, configChannel, endpointChannel, sourceChannel } from '../observe/events.js'
import type { BalancerStats } from '../observe/stats.js'
import { MAX_MS } from '../options/common.js'
import { systemTimers, type Timers } from '../runtime/timers.js'
import { unharmed } from '../runtime/unharmed.js'
import { type Attachment, type BalancerHandle, openAttachment } from '../shared/handle.js'
import { acquire } from './acquire.js'
import { Clients, type OpenTransports } from './clients.js'
import { type BalancedDispatcher, createDispatcher, type DispatcherOptions } from './dispatcher.js'
import { balancedFetch, type FetchInit } from './fetch.js'

const STATS_INTERVAL_MS = 5_000
const LEAST_INTERVAL_MS = 100

/** What `start` takes. */
export interface StartOptions {
  /** Between two `stats` events of this thread, where it leads and somebody listens, ms; a tenth more or less. 5,000 unless given. */
  readonly statsInterval?: number
}

/**
 * The load balancer: chooses an endpoint for each request, and sends requests through its `fetch` and its dispatchers.
 * Emits `endpoint`, `config` and `source` (see `BalancerEvents`), each after the change took effect, and `stats` every five seconds.
 *
 * @example
 * const balancer = new Balancer({ services: { users: { endpoints: ['http://10.0.0.1:8080', 'http://10.0.0.2:8080'] } } })
 * await balancer.start()
 * const response = await balancer.fetch('http://users/42')
 */
export class Balancer extends EventEmitter<BalancerEvents> {
  readonly #core: BalancerCore
  readonly #clients: Clients
  readonly #collector: StatsCollector
  #statsInterval = STATS_INTERVAL_MS
  readonly #fetchDispatcher = lazy(() => this.dispatcher() as BalancedDispatcher)
  /** Changes that are still to be told: a listener that makes one is told of it after those before it. */
  readonly #untold: BalancerChange[] = []

  /** @throws ConfigError which lists every fault of the configuration at once */
  constructor(config: BalancerConfig)
  /** @internal */
  constructor(source: BalancerConfig | Attachment, timers?: Timers, openTransports?: OpenTransports)
  constructor(source: BalancerConfig | Attachment, timers?: Timers, openTransports?: OpenTransports) {
    super()
    this.#core = new BalancerCore(source, timers)
    this.#clients = new Clients(this.#core, openTransports)
    this.#collector = new StatsCollector(
      timers ?? systemTimers,
      () => this.leads,
      () => this.stats(),
      (event) => this.#tellStats(event),
    )
    this.#core.listen(
      (changes) => this.#tell(changes),
      () => {
        this.#collector.stop()
        return this.#clients.destroy()
      },
    )
    this.#watchListeners()
  }

  override removeAllListeners(name?: keyof BalancerEvents): this {
    if (name !== undefined) return super.removeAllListeners(name)
    super.removeAllListeners()
    this.#watchListeners()
    return this
  }

  /** Statistics are collected while somebody listens. */
  #watchListeners(): void {
    ;(this as EventEmitter).on('newListener', (event) => {
      if (event === 'stats') this.#collect()
    })
  }

  /**
   * The balancer of another thread of this process, by its `handle`: one in-flight count, one set of cursors, one health
   * view and one configuration for all. Its `stop()` only detaches.
   * @throws HandleError where the handle is not one, is of another version or engine, where its balancer was stopped, or
   *   where 64 threads are attached
   */
  static attach(handle: BalancerHandle): Balancer
  /** @internal */
  static attach(handle: BalancerHandle, timers?: Timers): Balancer
  static attach(handle: BalancerHandle, timers?: Timers): Balancer {
    return new Balancer(openAttachment(handle, engine.kind), timers)
  }

  /**
   * Chooses an endpoint for one request, at once, and reserves a place on it. Options of `with` count where the request
   * does not say otherwise.
   * @throws UnknownServiceError
   * @throws NoEndpointError where no endpoint may be used
   * @throws OverloadedError where each usable one is at its limit, or the service is
   * @throws ArgumentError on a key, an address or a subset of the wrong type
   * @throws StoppedError
   *
   * @example
   * const lease = balancer.pick('users')
   * try {
   *   const { status } = await client.get(lease.endpoint.url)
   *   lease.end({ status })
   * } catch (error) {
   *   lease.end({ ok: false })
   * }
   */
  pick(request: string | PickRequest): Lease {
    const scope = this.#clients.currentPick()
    if (scope === undefined) return this.#core.pick(request)
    const isName = typeof request === 'string'
    const service = this.#core.known(isName ? request : request?.service)
    return this.#core.pickFrom(service, isName ? scope : { ...scope, ...request })
  }

  /**
   * As `pick`; a request that finds no place waits for one in the admission queue, first come, first served, over all
   * threads. While any wait, `pick` takes no place before them.
   * @throws OverloadedError where the queue is full (`queue.limit`), no place comes free in time, or the deadline cannot be
   *   met; `retryAfterMs` says when it may be worth another try
   * @throws UnknownServiceError, NoEndpointError, ArgumentError, StoppedError as `pick`; all by rejecting
   *
   * @example
   * const lease = await balancer.acquire('users', { signal: request.signal, deadlineMs: 500 })
   * const { status } = await client.get(lease.endpoint.url)
   * lease.end({ status })
   */
  acquire(request: string | PickRequest, options?: AcquireOptions): Promise<Lease> {
    const scope = this.#clients.currentPick()
    return acquire(this.#core, request, scope, options)
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
      (host) => this.#core.find(host) !== undefined,
      input,
      init,
    )

  /**
   * An undici `Dispatcher`: for `request`, `stream`, `fetch` of undici 7 and 8, and with `setGlobalDispatcher` for
   * Node's own `fetch`. Requests whose host names no service pass through. Works detached too.
   * @throws ArgumentError where `passThrough` is no dispatcher
   */
  readonly dispatcher = (options?: DispatcherOptions): Dispatcher => createDispatcher(this.#clients, options)

  /** Pick options for every request made inside `fn`, whatever it awaits: `pick`, `fetch`, every dispatcher. */
  with<T>(options: PickOptions, fn: () => T): T {
    return this.#clients.runWith(options, fn)
  }

  /**
   * Starts the control loops: active health checks. Picks and requests work before it as well. Of all threads that share
   * the balancer one runs them, and another when that one ends; it is enough that one of them has called this.
   * @throws ArgumentError by rejecting, on an interval that is none
   */
  async start(options: StartOptions = {}): Promise<void> {
    this.#statsInterval = intervalOf(options)
    if (this.listenerCount('stats') > 0 || statsChannel.hasSubscribers) this.#collect()
    await this.#core.start()
  }

  /** Whether this thread runs the control loops: the only one does, and one of several that share a balancer. */
  get leads(): boolean {
    return this.#core.leads
  }

  /** One service, to change its endpoints at run time. @throws UnknownServiceError */
  service(name: string): Service {
    // So that what other threads have changed is seen here too.
    this.#core.services.catchUp()
    return new ServiceHandle(this.#core.services, this.#core.known(name))
  }

  get serviceNames(): string[] {
    return this.#core.serviceNames
  }

  /** The rules in force: add, update and remove them here. Each change is checked before it takes effect. */
  get rules(): RuleSet {
    return this.#core.rules
  }

  /**
   * Replaces the whole configuration. Everything is validated before anything changes: on `ConfigError` the old one
   * goes on. Services and endpoints that stay keep their counts, latencies and health. Resolves when every thread that
   * shares the balancer has it.
   */
  update(config: BalancerConfig): Promise<void> {
    return this.#core.update(config)
  }

  /**
   * Resolves when every thread that shares the balancer has all that was changed so far: by `update`, by `rules` and by
   * `service(name)`, whose changes are in force in this thread at once. A thread whose event loop is held has a change
   * with its next pick at the latest; one that gives no sign of life for 30 s is not waited for.
   */
  synced(): Promise<void> {
    return this.#core.synced()
  }

  /**
   * This balancer as plain data, for other threads of the process: `Balancer.attach(handle)`. It serves at any later
   * time, until the balancer is stopped.
   * @throws StoppedError after that
   * @throws ConfigError where a service or an endpoint was given a dispatcher, or a function that makes one: neither goes to
   *   other threads; `defineDispatcher` registers a factory in each
   */
  get handle(): BalancerHandle {
    this.#core.services.catchUp()
    for (const { configured } of this.#core.services) refuseGiven(configured.base)
    return this.#core.handle
  }

  /** A copy of all counts, as plain data. */
  stats(): BalancerStats {
    return this.#core.stats()
  }

  /** Requests in flight to all services, those that have left included, from all threads. */
  get inFlight(): number {
    return this.#core.inFlight
  }

  /**
   * Takes no new requests, waits up to `drainMs` (5,000 ms) for those in flight, then closes what is left. Resolves when
   * all is closed; a second call waits for the first. Where threads share the balancer, this stops it for all of them; an
   * attached balancer only detaches: its own requests finish, the others go on.
   * @throws ArgumentError
   */
  stop(options?: { drainMs?: number }): Promise<void> {
    return this.#core.stop(options)
  }

  get stopped(): boolean {
    return this.#core.stopped
  }

  /** @internal */
  [INSPECT](...how: HowToInspect): string {
    const { stopped, serviceNames: names } = this
    const service = (name: string) => this.#core.known(name).facts
    return describeBalancer({ engine: engine.kind, stopped, names, service }, how)
  }

  #collect(): void {
    if (!this.#core.stopped) this.#collector.start(this.#statsInterval)
  }

  #tellStats(event: StatsEvent): void {
    if (this.listenerCount('stats') === 0 && !statsChannel.hasSubscribers) return this.#collector.stop()
    unharmed(() => this.emit('stats', event))
    if (statsChannel.hasSubscribers) statsChannel.publish(event)
  }

  #tell(changes: readonly BalancerChange[]): void {
    this.#clients.follow(changes)
    this.#untold.push(...changes)
    for (let change = this.#untold.shift(); change !== undefined; change = this.#untold.shift())
      this.#emit(change)
  }

  #emit(change: BalancerChange): void {
    if (change.kind === 'configured') {
      const event = { services: this.#core.services.names }
      // A listener that throws must not stop a lease from ending, nor an update half-way.
      unharmed(() => this.emit('config', event))
      if (configChannel.hasSubscribers) configChannel.publish(event)
    } else if (change.kind === 'endpoint') {
      const { type, service, member, state, reason } = change
      const event = { type, service: service.name, endpoint: member.endpoint, state, reason }
      unharmed(() => this.emit('endpoint', event))
      if (endpointChannel.hasSubscribers) endpointChannel.publish(event)
    } else if (change.kind === 'source') {
      const { type, service, source, reason } = change
      const event = { type, service: service.name, source, reason }
      unharmed(() => this.emit('source', event))
      if (sourceChannel.hasSubscribers) sourceChannel.publish(event)
    }
  }
}

function intervalOf(options: StartOptions): number {
  const { statsInterval = STATS_INTERVAL_MS } = options ?? {}
  if (Number.isInteger(statsInterval) && statsInterval >= LEAST_INTERVAL_MS && statsInterval <= MAX_MS)
    return statsInterval
  throw new ArgumentError(
    `statsInterval is ${String(statsInterval)}; it takes a whole number of ms from ${LEAST_INTERVAL_MS} to ${MAX_MS}`,
  )
}

/** A value that is made when it is first asked for. */
function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
