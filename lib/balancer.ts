import { EventEmitter } from 'node:events'
import { ServiceChecks } from './checks.js'
import { selection } from './engine/index.js'
import { SharedState } from './engine/state.js'
import { ArgumentError, ConfigError, StoppedError, UnknownServiceError } from './errors.js'
import type { Lease } from './lease.js'
import type { BalancerConfig, EndpointState, PickOptions, PickRequest } from './model.js'
import { type BalancerEvents, configChannel, type EndpointChange, endpointChannel } from './observe/events.js'
import type { BalancerStats, ServiceStats } from './observe/stats.js'
import type { ResolvedConfig, ResolvedService } from './options/resolved.js'
import { parseBalancerConfig, parseRule } from './options.js'
import { RuleSet } from './rules/rule-set.js'
import { systemTimers, type Timers } from './runtime/timers.js'
import { Service } from './service.js'
import type { Member } from './topology/member.js'

const DEFAULT_DRAIN_MS = 5_000
/** The longest wait of a Node timer: 24 days. */
const LONGEST_WAIT_MS = 0x7fffffff
const TWO_TO_32 = 4294967296

/**
 * A request's way, from top to bottom:
 *
 * 1. rule: which settings the service has          `rules/`, applied when rules or services change
 * 2. snapshot: its endpoints and their slots       `topology/`
 * 3. filter: which of them are usable now          `health/filter.ts`
 * 4. policy: one of those                          `policy/`
 * 5. reservation: a place on it                    `engine/`
 * 6. lease: the place, in the caller's hands       `lease.ts`
 * 7. outcome: how the request ended, once          `outcome/`
 * 8. feedback: latency, failures, ejection         `health/ejection.ts`
 *
 * Steps 2 to 8 are `service.ts`. This class holds the services, finds the one that a request names, and runs the
 * control loops beside them. It makes no requests itself: that is `clients/`.
 */
export class BalancerCore extends EventEmitter<BalancerEvents> {
  readonly #timers: Timers
  readonly #state: SharedState
  /** Of all services. */
  readonly #bySlot: (Member | undefined)[] = []
  readonly #services = new Map<string, Service>()
  /** No longer configured, but with requests in flight. */
  readonly #leaving = new Set<Service>()
  readonly #checks = new Map<string, ServiceChecks>()
  readonly #rules: RuleSet
  #config: ResolvedConfig
  #started = false
  #stopping: Promise<void> | undefined
  /** While `stop` waits: looks whether anything is still in flight. */
  #checkDrained: (() => void) | undefined

  /** Throws `ConfigError`, which lists every fault of the configuration at once. */
  constructor(config: BalancerConfig, timers: Timers = systemTimers) {
    super()
    this.#config = parseBalancerConfig(config)
    this.#timers = timers
    const seed = this.#config.seed ?? Math.floor(Math.random() * TWO_TO_32)
    this.#state = SharedState.create(selection.kind, selection.factory, seed)
    this.#refuseTooMany(this.#config)
    this.#rules = new RuleSet({
      parse: parseRule,
      rules: this.#config.rules,
      services: () => [...this.#services.values()].map((service) => service.base),
      onChange: () => this.#rulesChanged(),
    })
    this.#reconcileServices()
  }

  /** Chooses an endpoint for one request, at once. Options of `with` count where the request does not say otherwise. */
  pick(request: string | PickRequest): Lease {
    const name = typeof request === 'string' ? request : request?.service
    const service = this.#services.get(name)
    if (service === undefined) throw new UnknownServiceError(String(name), this.serviceNames)
    return this.pickFrom(service, typeof request === 'string' ? undefined : request)
  }

  /** Steps 2 to 6 for a service at hand. */
  protected pickFrom(service: Service, options: PickOptions | undefined): Lease {
    if (this.#stopping !== undefined) throw new StoppedError()
    return service.pick(options)
  }

  /** Starts the control loops: active health checks. Picks and requests work before it as well. */
  async start(): Promise<void> {
    if (this.#stopping !== undefined) throw new StoppedError()
    this.#started = true
    for (const checks of this.#checks.values()) checks.start()
  }

  /** One service, to change its endpoints at run time. Throws `UnknownServiceError`. */
  service(name: string): Service {
    const service = this.#services.get(name)
    if (service === undefined) throw new UnknownServiceError(name, this.serviceNames)
    return service
  }

  /** The service of that name, or undefined. */
  find(name: string): Service | undefined {
    return this.#services.get(name)
  }

  get serviceNames(): string[] {
    return [...this.#services.keys()]
  }

  /** The rules in force: add, update and remove them here. Each change is checked before it takes effect. */
  get rules(): RuleSet {
    return this.#rules
  }

  /**
   * Replaces the whole configuration. Everything is validated before anything changes: on `ConfigError` the old one
   * goes on. Services and endpoints that stay keep their counts, latencies and health.
   */
  async update(config: BalancerConfig): Promise<void> {
    if (this.#stopping !== undefined) throw new StoppedError()
    const resolved = parseBalancerConfig(config)
    this.#refuseTooMany(resolved)
    this.#config = resolved
    this.#rules.replace(resolved.rules)
    this.#reconcileServices()
    this.#announce()
  }

  /** A copy of all counts, as plain data. */
  stats(): BalancerStats {
    const services: Record<string, ServiceStats> = Object.create(null)
    for (const [name, service] of this.#services) services[name] = service.stats()
    return { engine: selection.kind, services }
  }

  /**
   * Takes no new requests, waits up to `drainMs` for those in flight, then closes what is left. Resolves when all is
   * closed; a second call waits for the first.
   */
  stop(options: { drainMs?: number } = {}): Promise<void> {
    if (typeof options !== 'object' || options === null)
      throw new ArgumentError(
        `stop() takes an object like { drainMs: 5000 }, or nothing; not ${String(options)}`,
      )
    const { drainMs = DEFAULT_DRAIN_MS } = options
    if (!(typeof drainMs === 'number' && drainMs >= 0))
      throw new ArgumentError(`drainMs is ${String(drainMs)}; it takes a number of milliseconds, 0 or more`)
    this.#stopping ??= this.#stop(drainMs)
    return this.#stopping
  }

  get stopped(): boolean {
    return this.#stopping !== undefined
  }

  async #stop(drainMs: number): Promise<void> {
    const checks = [...this.#checks.values()].map((one) => one.stop())
    await this.#drained(drainMs)
    for (const service of this.#services.values()) service.stop()
    await Promise.all(checks)
    await this.closeClients()
  }

  /** For subclasses that hold connections. */
  protected async closeClients(): Promise<void> {}

  /** Requests in flight to all services, those that have left included. */
  get inFlight(): number {
    let sum = 0
    for (const service of this.#services.values()) sum += service.inFlight
    for (const service of this.#leaving) sum += service.inFlight
    return sum
  }

  /** ms on the balancer's clock. */
  protected now(): number {
    return this.#state.core.now()
  }

  /** Resolves when nothing is in flight, or when the time is up. */
  #drained(drainMs: number): Promise<void> {
    if (this.inFlight === 0 || drainMs === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#checkDrained = undefined
        for (const service of this.#services.values()) service.onEnd(undefined)
        resolve()
      }
      // Keeps the process alive: stopping is what the process is waiting for.
      const timer = setTimeout(done, Math.min(drainMs, LONGEST_WAIT_MS))
      const check = () => {
        if (this.inFlight === 0) done()
      }
      this.#checkDrained = check
      for (const service of this.#services.values()) service.onEnd(check)
    })
  }

  #rulesChanged(): void {
    for (const [name, service] of this.#services) {
      service.applyRule(this.#rules.match(name))
      this.#checks.get(name)?.configure()
    }
    this.#announce()
  }

  #reconcileServices(): void {
    const { services } = this.#config
    for (const [name, service] of this.#services) {
      if (!services.has(name)) this.#close(service)
    }
    for (const [name, options] of services) {
      const present = this.#services.get(name)
      if (present !== undefined) present.configure(options, this.#rules.match(name))
      const service = present ?? this.#open(name, options)
      let checks = this.#checks.get(name)
      if (checks === undefined)
        this.#checks.set(name, (checks = new ServiceChecks(service, this.#state, this.#timers)))
      else checks.configure()
      if (this.#started) checks.start()
    }
  }

  #open(name: string, options: ResolvedService): Service {
    const index = this.#state.takeService()
    const service = new Service(
      this.#state,
      index,
      this.#bySlot,
      options,
      this.#rules.match(name),
      this.#timers,
      this.#changed,
    )
    this.#services.set(name, service)
    return service
  }

  #close(service: Service): void {
    this.#services.delete(service.name)
    void this.#checks.get(service.name)?.stop()
    this.#checks.delete(service.name)
    this.#leaving.add(service)
    service.close(() => {
      this.#leaving.delete(service)
      this.#state.freeService(service.index)
      this.#checkDrained?.()
    })
    this.left(service)
  }

  /** Services that leave give their record back only when their last request has ended, hence the margin. */
  #refuseTooMany({ services }: ResolvedConfig): void {
    const most = Math.floor(this.#state.maxServices / 2)
    if (services.size <= most) return
    throw new ConfigError([
      { path: 'services', message: `${services.size} services; one balancer holds at most ${most}` },
    ])
  }

  readonly #changed = (
    service: Service,
    member: Member,
    change: EndpointChange,
    state: EndpointState,
    reason: string,
  ): void => {
    const checks = this.#checks.get(service.name)
    if (change === 'removed') checks?.forget(member.endpoint.id)
    else if (change === 'added' || change === 'set') checks?.configure()
    this.endpointChanged(service, member, change)
    const event = { type: change, service: service.name, endpoint: member.endpoint, state, reason }
    unharmed(() => this.emit('endpoint', event))
    if (endpointChannel.hasSubscribers) endpointChannel.publish(event)
  }

  /** For subclasses: an endpoint changed, before its event is emitted. */
  protected endpointChanged(_service: Service, _member: Member, _change: EndpointChange): void {}

  /** For subclasses: services or rules changed, before the event is emitted. */
  protected reconfigured(): void {}

  /** For subclasses: a service left the configuration. */
  protected left(_service: Service): void {}

  #announce(): void {
    const event = { services: this.serviceNames }
    this.reconfigured()
    unharmed(() => this.emit('config', event))
    if (configChannel.hasSubscribers) configChannel.publish(event)
  }
}

/**
 * A listener that throws must not stop a lease from ending, nor an update half-way. Its error is uncaught all the same,
 * a moment later: as with subscribers of diagnostics channels.
 */
function unharmed(emit: () => void): void {
  try {
    emit()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
