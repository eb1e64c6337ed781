import { EventEmitter } from 'node:events'
import { ServiceLimit } from './admission/service-limit.js'
import { ServiceChecks } from './checks.js'
import { selection } from './engine/index.js'
import { HEADER, OUTCOME } from './engine/layout.js'
import { SharedState } from './engine/state.js'
import {
  ArgumentError,
  ConfigError,
  FairleadError,
  HandleError,
  StoppedError,
  UnknownServiceError,
} from './errors.js'
import { releaseProbe } from './health/ejection.js'
import type { Lease } from './lease.js'
import type { BalancerConfig, EndpointState, PickOptions, PickRequest } from './model.js'
import { type BalancerEvents, configChannel, type EndpointChange, endpointChannel } from './observe/events.js'
import type { BalancerStats, ServiceStats } from './observe/stats.js'
import type { ResolvedConfig, ResolvedRule, ResolvedService } from './options/resolved.js'
import { parseBalancerConfig, parseRule } from './options.js'
import { compileRules } from './rules/compile.js'
import { RuleSet } from './rules/rule-set.js'
import { systemTimers, type Timers } from './runtime/timers.js'
import { type Draft, Service, type ServiceHost } from './service.js'
import type { Change, PlacedService } from './share/change.js'
import { Attachment, type BalancerHandle, type SharedMemory, toHandle } from './share/handle.js'
import { Sharing, type SharingHost } from './sharing.js'
import { Departures } from './topology/departures.js'
import type { Member } from './topology/member.js'

const DEFAULT_DRAIN_MS = 5_000
/** The longest wait of a Node timer: 24 days. */
const LONGEST_WAIT_MS = 0x7fffffff
/** While draining a balancer that is shared, in ms: ends of requests in other threads are not told. */
const DRAIN_LOOK_MS = 10
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
  readonly #departures: Departures
  /** Of all services. */
  readonly #bySlot: (Member | undefined)[] = []
  readonly #services = new Map<string, Service>()
  /** The same, by the index of the record. */
  readonly #byRecord = new Map<number, Service>()
  readonly #checks = new Map<string, ServiceChecks>()
  readonly #rules: RuleSet
  readonly #isOwner: boolean
  readonly #host: ServiceHost
  /** Caused by a change that is being taken over: told when it is done, so that listeners find it whole. */
  readonly #events: (() => void)[] = []
  #memory: SharedMemory | undefined
  #sharing: Sharing | undefined
  #ready = false
  #adopting = false
  #stopping: Promise<void> | undefined
  /** While `stop` waits: looks whether anything is still in flight. */
  #checkDrained: (() => void) | undefined

  /** Throws `ConfigError`, which lists every fault of the configuration at once. */
  constructor(source: BalancerConfig | Attachment, timers: Timers = systemTimers) {
    super()
    this.#timers = timers
    this.#isOwner = !(source instanceof Attachment)
    let config: ResolvedConfig | undefined
    if (source instanceof Attachment) {
      this.#memory = source.memory
      this.#state = SharedState.attach(source.memory.root, source.memory.segments, selection.factory)
    } else {
      config = parseBalancerConfig(source)
      const seed = config.seed ?? Math.floor(Math.random() * TWO_TO_32)
      this.#state = SharedState.create(selection.kind, selection.factory, seed)
      timers.simulated?.drive(this.#state.root)
    }
    this.#departures = new Departures(
      this.#state,
      this.#bySlot,
      (version) => this.#sharing?.isSeen(version) ?? true,
    )
    this.#host = {
      state: this.#state,
      bySlot: this.#bySlot,
      departures: this.#departures,
      timers,
      listener: this.#changed,
      leads: () => this.leads,
      refresh: () => this.#refresh(),
      commit: (plan) => this.#commit(plan),
      version: () => this.#sharing?.version ?? 0,
      ended: () => this.#checkDrained?.(),
    }
    this.#rules = new RuleSet({
      parse: parseRule,
      services: () => [...this.#services.values()].map((service) => service.base),
      refresh: () => this.#refresh(),
      onChange: (rules) => this.#attempt(this.#plan(this.#bases(), rules)),
    })
    if (source instanceof Attachment) this.#join(source.memory)
    else this.#commit(() => this.#plan((config as ResolvedConfig).services, (config as ResolvedConfig).rules))
    this.#ready = true
  }

  /** Chooses an endpoint for one request, at once. Options of `with` count where the request does not say otherwise. */
  pick(request: string | PickRequest): Lease {
    const name = typeof request === 'string' ? request : request?.service
    const service = this.#services.get(name) ?? this.service(name)
    return this.pickFrom(service, typeof request === 'string' ? undefined : request)
  }

  /** Steps 2 to 6 for a service at hand. */
  protected pickFrom(service: Service, options: PickOptions | undefined): Lease {
    if (this.stopped) throw new StoppedError()
    return service.pick(options)
  }

  /**
   * Starts the control loops: active health checks. Picks and requests work before it as well. Of all threads that share
   * the balancer one runs them, and another when that one ends; it is enough that one of them has called this.
   */
  async start(): Promise<void> {
    if (this.stopped) throw new StoppedError()
    Atomics.store(this.#state.root, HEADER.STARTED, 1)
    this.#tend()
    this.#sharing?.announce()
  }

  /** Whether this thread runs the control loops: the only one does, and one of several that share a balancer. */
  get leads(): boolean {
    return this.#sharing?.leads ?? true
  }

  /** One service, to change its endpoints at run time. Throws `UnknownServiceError`. */
  service(name: string): Service {
    this.#refresh()
    const service = this.#services.get(name)
    if (service === undefined) throw new UnknownServiceError(String(name), this.serviceNames)
    return service
  }

  /** The service of that name, or undefined. */
  find(name: string): Service | undefined {
    const service = this.#services.get(name)
    if (service !== undefined || this.#sharing === undefined) return service
    this.#refresh()
    return this.#services.get(name)
  }

  get serviceNames(): string[] {
    this.#refresh()
    return [...this.#services.keys()]
  }

  /** The rules in force: add, update and remove them here. Each change is checked before it takes effect. */
  get rules(): RuleSet {
    return this.#rules
  }

  /**
   * Replaces the whole configuration. Everything is validated before anything changes: on `ConfigError` the old one
   * goes on. Services and endpoints that stay keep their counts, latencies and health. Resolves when every thread that
   * shares the balancer has it.
   */
  async update(config: BalancerConfig): Promise<void> {
    if (this.stopped) throw new StoppedError()
    const { services, rules } = parseBalancerConfig(config)
    this.#commit(() => this.#plan(services, rules))
    await this.synced()
  }

  /**
   * Resolves when every thread that shares the balancer has all that was changed so far: by `update`, by `rules` and by
   * `service(name)`, whose changes are in force in this thread at once. A thread whose event loop is held has a change
   * with its next pick at the latest; one that gives no sign of life for 30 s is not waited for.
   */
  async synced(): Promise<void> {
    await this.#sharing?.seen()
  }

  /**
   * This balancer as plain data, for other threads of the process: `Balancer.attach(handle)`. It serves at any later
   * time, until the balancer is stopped. Throws `StoppedError` after that.
   */
  get handle(): BalancerHandle {
    if (this.stopped) throw new StoppedError()
    if (this.#memory === undefined) {
      const memory = Sharing.memoryFor(this.#state)
      this.#sharing = this.#share(memory)
      this.#memory = memory
      this.#sharing.start(true)
    }
    return toHandle(this.#memory, selection.kind)
  }

  /** A copy of all counts, as plain data. */
  stats(): BalancerStats {
    this.#refresh()
    const services: Record<string, ServiceStats> = Object.create(null)
    for (const [name, service] of this.#services) services[name] = service.stats()
    return { engine: selection.kind, services }
  }

  /**
   * Takes no new requests, waits up to `drainMs` for those in flight, then closes what is left. Resolves when all is
   * closed; a second call waits for the first. Where threads share the balancer, this stops it for all of them; an attached
   * balancer only detaches: its own requests finish, the others go on.
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
    return this.#stopping !== undefined || this.#state.root[HEADER.STOPPED] === 1
  }

  async #stop(drainMs: number): Promise<void> {
    if (this.#isOwner) {
      Atomics.store(this.#state.root, HEADER.STOPPED, 1)
      this.#sharing?.stopAll()
    }
    const checks = [...this.#checks.values()].map((one) => one.stop())
    await this.#drained(drainMs)
    for (const service of this.#services.values()) service.stop()
    await Promise.all(checks)
    await this.closeClients()
    this.#sharing?.detach(
      (slot, isOpen) => {
        if (isOpen) this.#state.core.close(slot, false)
        else this.#state.core.end(slot, 0, OUTCOME.CANCELLED, -1)
      },
      (service) => new ServiceLimit(this.#state, service).leave(),
    )
  }

  /** For subclasses that hold connections. */
  protected async closeClients(): Promise<void> {}

  /** Requests in flight to all services, those that have left included, from all threads. */
  get inFlight(): number {
    let sum = this.#departures.inFlight
    for (const service of this.#services.values()) sum += service.inFlight
    return sum
  }

  /** Requests that a stop of this balancer waits for. */
  get #toDrain(): number {
    return this.#isOwner || this.#sharing === undefined ? this.inFlight : this.#sharing.inFlight
  }

  /** ms on the balancer's clock. */
  protected now(): number {
    return this.#state.core.now()
  }

  /** Resolves when nothing is in flight, or when the time is up. */
  #drained(drainMs: number): Promise<void> {
    if (this.#toDrain === 0 || drainMs === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        clearInterval(looks)
        this.#checkDrained = undefined
        resolve()
      }
      const look = () => {
        if (this.#toDrain === 0) done()
      }
      // Keeps the process alive: stopping is what the process is waiting for.
      const timer = setTimeout(done, Math.min(drainMs, LONGEST_WAIT_MS))
      const looks = this.#sharing === undefined ? undefined : setInterval(look, DRAIN_LOOK_MS)
      this.#checkDrained = look
    })
  }

  // Changes: worked out on the newest configuration, published, taken over here as in every other thread.

  #commit(plan: () => Draft): void {
    do {
      if (this.#state.detached) throw new StoppedError()
      this.#refresh()
    } while (!this.#attempt(plan()))
  }

  /** False where another thread was first. */
  #attempt(draft: Draft): boolean {
    const { change, slots, services } = draft
    const { claims } = this.#state
    if (!this.#publish(draft)) return false
    for (const slot of slots) claims.publishSlot(slot)
    for (const service of services) claims.publishService(service)
    this.#adopt(change)
    this.#writeSettings(change)
    this.#sharing?.announce()
    // What this thread has just written may be older than what another has written since.
    if (this.#sharing?.catchUp()) for (const service of this.#services.values()) service.writeSettings()
    this.#settled()
    return true
  }

  #publish(draft: Draft): boolean {
    let published = false
    try {
      published = this.#sharing?.publish(draft.change) ?? true
    } finally {
      if (!published) this.#giveBack(draft)
    }
    return published
  }

  #giveBack({ slots, services }: Pick<Draft, 'slots' | 'services'>): void {
    for (const slot of slots) this.#state.claims.dropSlot(slot)
    for (const service of services) this.#state.claims.dropService(service)
  }

  /** Takes over what other threads have changed. */
  #refresh(): void {
    this.#sharing?.catchUp()
  }

  /** A whole configuration: services that stay keep their record, endpoints that stay their slot. */
  #plan(configured: ReadonlyMap<string, ResolvedService>, rules: readonly ResolvedRule[]): Draft {
    const compiled = compileRules(rules)
    const placed: PlacedService[] = []
    const [slots, services]: [number[], number[]] = [[], []]
    try {
      for (const [name, base] of configured) {
        const rule = compiled.match(name)
        const service = this.#services.get(name) ?? this.#newService(base, rule, services)
        const place = service.place(base, rule)
        placed.push(place.service)
        for (const slot of place.fresh) slots.push(slot)
      }
    } catch (error) {
      this.#giveBack({ slots, services })
      throw error
    }
    return { change: { kind: 'all', services: placed, rules }, slots, services }
  }

  #newService(base: ResolvedService, rule: ResolvedRule | undefined, claimed: number[]): Service {
    const index = this.#state.claims.takeService()
    if (index < 0) {
      const message = `more services than a balancer has room for once its handle was read: ${this.#state.serviceCapacity}, those that are leaving included`
      throw new ConfigError([{ path: 'services', message }])
    }
    claimed.push(index)
    return new Service(this.#host, index, base, rule)
  }

  /** The configuration as this thread has it. */
  #whole(): Change {
    const services = [...this.#services.values()].map((service) => service.placed)
    return { kind: 'all', services, rules: this.#rules.known }
  }

  #bases(): Map<string, ResolvedService> {
    return new Map([...this.#services].map(([name, service]) => [name, service.base]))
  }

  #adopt(change: Change): void {
    this.#adopting = true
    if (change.kind === 'all') this.#adoptAll(change.services, change.rules)
    else {
      const index = change.kind === 'service' ? change.service.index : change.service
      const service = this.#byIndex(index)
      if (change.kind === 'service')
        service?.configure(change.service, this.#rules.match(change.service.name))
      else service?.adopt(change)
      if (service !== undefined) this.#checks.get(service.name)?.configure()
    }
    this.#adopting = false
  }

  #adoptAll(placed: readonly PlacedService[], rules: readonly ResolvedRule[]): void {
    this.#rules.replace(rules)
    const indexes = new Map(placed.map(({ name, index }) => [name, index]))
    for (const [name, service] of this.#services) {
      if (indexes.get(name) !== service.index) this.#close(service)
    }
    for (const one of placed) {
      const rule = this.#rules.match(one.name)
      const service = this.#services.get(one.name) ?? this.#open(one, rule)
      service.configure(one, rule)
      this.#checks.get(one.name)?.configure()
    }
    this.#tend()
    if (!this.#ready) return
    this.reconfigured()
    const event = { services: [...this.#services.keys()] }
    this.#events.push(() => {
      unharmed(() => this.emit('config', event))
      if (configChannel.hasSubscribers) configChannel.publish(event)
    })
  }

  #open({ name, index, base }: PlacedService, rule: ResolvedRule | undefined): Service {
    const service = new Service(this.#host, index, base, rule)
    this.#services.set(name, service)
    this.#byRecord.set(index, service)
    this.#checks.set(name, new ServiceChecks(service, this.#state, this.#timers, () => this.leads))
    return service
  }

  #close(service: Service): void {
    this.#services.delete(service.name)
    this.#byRecord.delete(service.index)
    void this.#checks.get(service.name)?.stop()
    this.#checks.delete(service.name)
    service.close()
    // Threads that still pick from it find out.
    this.#state.touchFilter(service.index)
    if (this.#ready) this.left(service)
  }

  /** Only the thread that makes a change writes it into the slots. */
  #writeSettings(change: Change): void {
    if (change.kind === 'all') for (const service of this.#services.values()) service.writeSettings()
    else if (change.kind === 'service') this.#byIndex(change.service.index)?.writeSettings()
    else if (change.kind === 'weigh') this.#byIndex(change.service)?.writeWeight(change.endpoint.id)
    else this.#state.touchFilter(change.service)
  }

  #byIndex(index: number): Service | undefined {
    return this.#byRecord.get(index)
  }

  /** A change was taken over: slots may be free now, and the events that it caused are told. */
  #settled(): void {
    this.#departures.sweep()
    for (let tell = this.#events.shift(); tell !== undefined; tell = this.#events.shift()) tell()
  }

  // Over threads.

  #share(memory: SharedMemory): Sharing {
    const host: SharingHost = {
      adopt: (change) => this.#adopt(change),
      whole: () => this.#whole(),
      settled: () => this.#settled(),
      tend: () => this.#tend(),
      look: (index) => this.#look(index),
      probeLost: (slot) => releaseProbe(this.#state, slot),
      repair: () => this.#repair(),
      stopped: () => void this.stop(),
    }
    return new Sharing(this.#state, memory, host, this.#timers)
  }

  /** Joins the threads that share the balancer: takes over its configuration as it is now. */
  #join(memory: SharedMemory): void {
    const sharing = this.#share(memory)
    this.#sharing = sharing
    try {
      this.#adoptLeftovers()
      // Version 0 is that of a thread which has read nothing; a handle comes after the first.
      if (sharing.version === 0)
        throw new HandleError('This Balancer handle is damaged: it has no configuration')
    } catch (error) {
      for (const service of this.#services.values()) service.stop()
      const nothing = () => {}
      sharing.detach(nothing, nothing)
      if (error instanceof FairleadError) throw error
      throw new HandleError(
        `The configuration of this Balancer handle cannot be taken over: ${String(error)}`,
      )
    }
    sharing.start(false)
  }

  /** A thread has ended, perhaps in the middle of a change. */
  #repair(): void {
    for (const service of this.#services.values()) service.writeSettings()
    this.#adoptLeftovers()
  }

  /** Sees to what has left, and was to be freed by threads that have ended, or by others before this one was there. */
  #adoptLeftovers(): void {
    const sharing = this.#sharing as Sharing
    const isService = (index: number) => this.#byIndex(index) !== undefined
    do sharing.catchUp()
    while (!this.#departures.adopt(isService, sharing.version, () => sharing.isBehind))
  }

  /** Runs the active checks where this thread leads, and stops them where it does not. */
  #tend(): void {
    const started = Atomics.load(this.#state.root, HEADER.STARTED) === 1
    const runs = started && this.leads && !this.stopped
    for (const checks of this.#checks.values()) {
      if (runs) checks.start()
      else void checks.stop()
    }
    if (this.leads && !this.stopped) for (const service of this.#services.values()) service.watchEjections()
  }

  #look(index: number): void {
    const service = this.#byIndex(index)
    if (service === undefined) return
    this.#checks.get(service.name)?.configure()
    service.watchEjections()
  }

  readonly #changed = (
    service: Service,
    member: Member,
    change: EndpointChange,
    state: EndpointState,
    reason: string,
  ): void => {
    if (!this.#ready) return
    const checks = this.#checks.get(service.name)
    if (change === 'removed') checks?.forget(member.endpoint.id)
    else if (change === 'set') checks?.configure()
    if (change === 'set' || change === 'ejected') this.#sharing?.askToLook(service.index)
    this.endpointChanged(service, member, change)
    const event = { type: change, service: service.name, endpoint: member.endpoint, state, reason }
    this.#events.push(() => {
      unharmed(() => this.emit('endpoint', event))
      if (endpointChannel.hasSubscribers) endpointChannel.publish(event)
    })
    if (!this.#adopting) this.#settled()
  }

  /** For subclasses: an endpoint changed, before its event is emitted. */
  protected endpointChanged(_service: Service, _member: Member, _change: EndpointChange): void {}

  /** For subclasses: services or rules changed, before the event is emitted. */
  protected reconfigured(): void {}

  /** For subclasses: a service left the configuration. */
  protected left(_service: Service): void {}
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
