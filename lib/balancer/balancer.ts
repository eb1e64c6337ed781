import { longestWait, shortWait, standingAfterMs } from '../admission/discipline.js'
import { NO_PLACE, ServiceCount } from '../admission/service-count.js'
import type { SharedControl } from '../admission/shared-control.js'
import { tierOf } from '../admission/tier.js'
import type { Stay } from '../admission/waiter.js'
import { parseBalancerConfig, parseRule } from '../configuration/parse.js'
import { RuleSet } from '../configuration/rules/rule-set.js'
import { selection } from '../engine/index.js'
import { HEADER, OUTCOME, SLOT } from '../engine/layout.js'
import { SharedState } from '../engine/state.js'
import { ArgumentError, NoEndpointError, StoppedError, UnknownServiceError } from '../errors.js'
import type { BalancerConfig, Endpoint, PickOptions, PickRequest } from '../model/index.js'
import type { BalancerStats, ServiceStats } from '../observe/stats.js'
import { withKey } from '../policy/hash-on.js'
import { atMost } from '../runtime/at-most.js'
import { TWO_TO_32, toBelow } from '../runtime/bits.js'
import { systemTimers, type Timers } from '../runtime/timers.js'
import { Attachment, type BalancerHandle, type SharedMemory, toHandle } from '../shared/handle.js'
import type { Member } from '../topology/member.js'
import type { ServiceView, ViewOptions } from '../view/service-view.js'
import { answerTimes, freePlaces, hasRoom } from './capacity.js'
import { drained } from './drained.js'
import { LEASE_FLAGS } from './feedback.js'
import { overloaded, refusal, rejected } from './refusals.js'
import { Reservation } from './reservation.js'
import type { ServicePlaces, ServiceRuntime, WaitingRequest } from './service-runtime.js'
import { type BalancerChange, Services } from './services.js'

const DEFAULT_DRAIN_MS = 5_000
/** A source that does not answer holds nobody up for longer. */
const MAX_START_MS = 10_000
const NO_OPTIONS: PickOptions = Object.freeze({})

/** Whether a request may use some of a service's endpoints only. */
const isRestricted = ({ subset, tlsOnly }: ViewOptions): boolean => subset !== undefined || tlsOnly === true

/** Where there was no place: in the service as a whole, or on the endpoints that the request may use. */
type Refusal = 'service' | 'endpoints'

/** Who asks for a place, and may have to wait. */
export interface Asker {
  /** 0 to 3; 0 goes first. */
  readonly tier: number
  /** From now, ms; undefined: none that is known. */
  readonly deadlineMs: number | undefined
  readonly placed: (place: Reservation) => void
  readonly failed: (error: unknown) => void
}

/**
 * A request's way, from top to bottom:
 *
 * 1. rule: which settings the service has          `configuration/rules/`, applied when rules or services change
 * 2. control: a share is rejected, if many fail   `admission/`, before anything else is done for the request
 * 3. snapshot: its endpoints and their slots       `configuration/`, `topology/`
 * 4. filter: which of them are usable now          `view/`
 * 5. policy: one of those                          `policy/`
 * 6. reservation: a place on it                    `engine/`; where there is none the request waits: `admission/`
 * 7. lease: the place, in the caller's hands       `reservation.ts`
 * 8. outcome: how the request ended, once          `outcome/`
 * 9. feedback: latency, failures, ejection         `feedback.ts`
 *
 * It makes no requests itself: that is `clients/`. How configurations change is `services.ts`.
 */
export class BalancerCore {
  readonly #state: SharedState
  readonly #services: Services
  readonly #rules: RuleSet
  readonly #isOwner: boolean
  #memory: SharedMemory | undefined
  #stopping: Promise<void> | undefined
  #closeClients: () => Promise<void> = () => Promise.resolve()

  /** @throws ConfigError which lists every fault of the configuration at once */
  constructor(source: BalancerConfig | Attachment, timers: Timers = systemTimers) {
    this.#isOwner = !(source instanceof Attachment)
    const onStopped = () => void this.stop()
    if (source instanceof Attachment) {
      const { root, segments } = source.memory
      this.#memory = source.memory
      this.#state = SharedState.attach(root, segments, selection.factory)
      this.#services = new Services(this.#state, timers, this.#places, onStopped)
      this.#services.join(source.memory)
    } else {
      const config = parseBalancerConfig(source)
      const seed = config.seed ?? Math.floor(Math.random() * TWO_TO_32)
      this.#state = SharedState.create(selection.kind, selection.factory, seed)
      timers.simulated?.drive(this.#state.root)
      this.#services = new Services(this.#state, timers, this.#places, onStopped)
      this.#services.begin(config.services, config.rules)
    }
    const store = { read: () => this.#newest.rules, commit: this.#services.replaceRules.bind(this.#services) }
    this.#rules = new RuleSet(store, parseRule)
  }

  /**
   * For whoever sends requests by this balancer.
   * @param tell is told of every change, after it took effect and before the next request
   * @param closeClients ends connections and whatever is still in flight over them; part of `stop`
   */
  listen(tell: (changes: readonly BalancerChange[]) => void, closeClients?: () => Promise<void>): void {
    this.#services.listen(tell)
    if (closeClients !== undefined) this.#closeClients = closeClients
  }

  // A request's way.

  /** Chooses an endpoint for one request, at once, and reserves a place on it. */
  pick(request: string | PickRequest): Reservation {
    if (typeof request === 'string') return this.pickFrom(this.known(request), undefined)
    return this.pickFrom(this.known(request?.service), request)
  }

  /**
   * Steps 2 to 7 for a service at hand.
   * @param mayMove the request can be answered elsewhere where the endpoint turns out to answer nothing
   * @throws NoEndpointError where no endpoint may be used
   * @throws OverloadedError where each usable one is at its limit, or the service is, or others wait for a place, or admission control
   *   rejects it
   * @throws ArgumentError on a key, an address or a subset of the wrong type
   */
  pickFrom(service: ServiceRuntime, request: PickOptions = NO_OPTIONS, mayMove = true): Reservation {
    if (this.stopped) throw new StoppedError()
    if (service.control !== undefined) this.#control(service, service.control, tierOf(request))
    const { waiting } = service.admission
    if (waiting > 0) throw overloaded(this.#state, service, `${waiting} requests wait for a place before it`)
    const place = this.#choose(service, request, mayMove)
    if (typeof place === 'string') throw this.#refusal(service, request, place)
    return place
  }

  /**
   * Step 2, to be called once for each request, before `placeNow`, `admit` and `pickTrial`; `pickFrom` does it itself.
   * @throws OverloadedError where admission control rejects it
   */
  control(service: ServiceRuntime, tier: number): void {
    if (service.control !== undefined && !this.stopped) this.#control(service, service.control, tier)
  }

  #control(service: ServiceRuntime, control: SharedControl, tier: number): void {
    const why = control.refuse(tier)
    if (why !== undefined) throw rejected(this.#state, service, why, control.retryAfterMs)
  }

  /** As `pickFrom`, but undefined where there is no place now, or others wait for one, and without step 2. */
  placeNow(service: ServiceRuntime, request: PickOptions, mayMove: boolean): Reservation | undefined {
    if (this.stopped) throw new StoppedError()
    return service.admission.isWaitedFor ? undefined : this.#tryPlace(service, request, mayMove)
  }

  /**
   * As `placeNow`; where there is no place the request waits for one, first come, first served over all threads. Tells `asker` how it
   * ended, perhaps at once. Undefined where it did not have to wait.
   */
  admit(service: ServiceRuntime, request: WaitingRequest, asker: Asker): Stay | undefined {
    let place: Reservation | Refusal = 'endpoints'
    try {
      if (this.stopped) throw new StoppedError()
      if (!service.admission.isWaitedFor) place = this.#choose(service, request.pick, request.mayMove)
      if (typeof place === 'string') return this.#wait(service, request, asker, place)
    } catch (error) {
      asker.failed(error)
      return undefined
    }
    asker.placed(place)
    return undefined
  }

  /** @param why there is no place now */
  #wait(service: ServiceRuntime, request: WaitingRequest, asker: Asker, why: Refusal): Stay | undefined {
    const { admission } = service
    const { limit, deadlineMs, discipline } = service.options.queue
    const view = this.#viewOf(service).of(request.pick)
    if (limit === 0 || (view.usable.length === 0 && view.awaitingProbe.length === 0))
      throw this.#refusal(service, request.pick, why)
    const times = answerTimes(this.#state, service.adaptive, view.usable)
    const standingMs = standingAfterMs(times.baseMs)
    const leftMs = asker.deadlineMs
    const { impatience } = service
    const isImpatient = impatience.isRecent
    const longestMs = longestWait({
      discipline,
      longestMs: deadlineMs,
      busyMs: admission.busyMs(asker.tier, standingMs),
      isImpatient,
      leftMs,
      ...times,
    })
    const refused = (because: string) => overloaded(this.#state, service, because, times.meanMs)
    if (longestMs <= 0) {
      impatience.note()
      throw refused(`an answer takes ${Math.ceil(times.meanMs)} ms, and the deadline is in ${leftMs} ms`)
    }
    const stay = admission.wait(
      {
        request,
        tier: asker.tier,
        longestMs,
        standingMs,
        shortMs: shortWait(times.baseMs),
        isRestricted: isRestricted(request.pick),
        placed: asker.placed,
        failed: asker.failed,
        late: () => {
          // Short waits go on until nobody has been refused for a while.
          if (isImpatient) impatience.note()
          asker.failed(refused(`no place became free within ${Math.ceil(longestMs)} ms`))
        },
        left: () => impatience.note(),
      },
      limit,
    )
    if (stay === undefined)
      throw refused(`${admission.waiting} requests wait for a place; queue.limit is ${limit}`)
    return stay.isOver ? undefined : stay
  }

  readonly #places: ServicePlaces = {
    take: (service, { pick, mayMove }) => this.#tryPlace(service, pick, mayMove),
    free: (service, enough) => this.#freePlaces(service, enough),
    relieve: (service) => this.#relieve(service),
  }

  #tryPlace(service: ServiceRuntime, request: PickOptions, mayMove: boolean): Reservation | undefined {
    const place = this.#choose(service, request, mayMove)
    return typeof place === 'string' ? undefined : place
  }

  /** Steps 3 to 7, or why there is no place. */
  #choose(service: ServiceRuntime, request: PickOptions, mayMove: boolean): Reservation | Refusal {
    const serviceView = this.#viewOf(service)
    if (service.closed) throw new NoEndpointError(service.name, 'it has left the configuration')
    const view = serviceView.of(request)
    const flags = this.#enter(service)
    if (flags < 0) return 'service'
    try {
      if (view.awaitingProbe.length !== 0) {
        const probe = this.#probe(service, view.awaitingProbe, flags, mayMove)
        if (probe !== undefined) return probe
      }
      const { hashOn } = service.options
      // Throws on a key or address that is no text, and where a policy of the user's own fails.
      const slot = view.picker(hashOn === undefined ? request : withKey(request, hashOn))
      if (slot >= 0) return this.#lease(service, slot, flags)
      if (flags & LEASE_FLAGS.COUNTED) service.limit.leave()
      this.#relieve(service)
      return 'endpoints'
    } catch (error) {
      if (flags & LEASE_FLAGS.COUNTED) service.limit.leave()
      throw error
    }
  }

  /** The error of a request that found no place. */
  #refusal(service: ServiceRuntime, request: PickOptions, why: Refusal): Error {
    const { maxRequests } = service.options.limits
    if (why === 'service')
      return overloaded(this.#state, service, `limits.maxRequests, ${maxRequests}, is reached`)
    return refusal(this.#state, service, this.#viewOf(service), request)
  }

  /** Places that are free now, up to `enough`. */
  #freePlaces(service: ServiceRuntime, enough: number): number {
    const { maxRequests } = service.options.limits
    const most = maxRequests === 0 ? enough : Math.min(enough, maxRequests - service.limit.value)
    return most <= 0 ? 0 : freePlaces(this.#state, this.#viewOf(service).whole, most)
  }

  /** Nobody finds a place: requests that endpoints have lost must not hold them. */
  #relieve(service: ServiceRuntime): void {
    const { usable } = this.#viewOf(service).whole
    if (service.adaptive.relieve(usable, this.#state.core.now())) service.admission.offer()
  }

  /** The first request after an ejection probes the endpoint; all others go on elsewhere meanwhile. */
  #probe(
    service: ServiceRuntime,
    awaiting: readonly Member[],
    flags: number,
    mayMove: boolean,
  ): Reservation | undefined {
    for (const member of awaiting) {
      if (!service.ejection.claimProbe(member, mayMove)) continue
      if (this.#state.core.reserve(member.slot))
        return this.#lease(service, member.slot, flags | LEASE_FLAGS.PROBE)
      service.ejection.probeCancelled(member)
    }
    return undefined
  }

  /**
   * A place for an idempotent request on an endpoint that has been silent for a while, to see whether it answers: the
   * request goes elsewhere where it does not. Or, where all that are preferred are silent, on one that is not, to see
   * whether it answers meanwhile. Undefined, mostly, where neither is due.
   */
  pickTrial(service: ServiceRuntime, request: PickOptions = NO_OPTIONS): Reservation | undefined {
    const { stalls } = service
    if (!stalls.suspects || service.closed || service.budget.available === 0) return undefined
    const view = this.#viewOf(service).of(request)
    const member = stalls.claimTrial((one) => view.usable.includes(one))
    if (member === undefined)
      return view.spare.length > 0 && stalls.claimComparison(view.usable)
        ? this.#placeSpare(service, view.spare)
        : undefined
    const flags = this.#enter(service)
    if (flags >= 0) {
      if (this.#state.core.reserve(member.slot))
        return this.#lease(service, member.slot, flags | LEASE_FLAGS.TRIAL)
      if (flags & LEASE_FLAGS.COUNTED) service.limit.leave()
    }
    // It was not sent, so it is no trial.
    stalls.trialCancelled(member, 0)
    return undefined
  }

  /**
   * A place for one more try of a request, on an endpoint that it has not tried: the one with fewer requests in flight
   * of two at random, whatever the policy, which has had its say; of those that are preferred while one of them is left,
   * else of further priority levels and zones. Undefined where there is none.
   * @param isRetry it counts as a further try until it ends; in the service's count it does already
   */
  pickExcluding(
    service: ServiceRuntime,
    tried: readonly Endpoint[],
    request: PickOptions = NO_OPTIONS,
    isRetry = false,
  ): Reservation | undefined {
    const view = this.#viewOf(service).of(request)
    const flags = this.#enter(service)
    if (flags < 0) return undefined
    const isFresh = ({ endpoint }: Member) => !tried.includes(endpoint)
    const lease =
      this.#placeAmong(service, view.usable.filter(isFresh), flags, isRetry) ??
      this.#placeByPreference(service, view.spare.filter(isFresh), flags, isRetry)
    if (lease === undefined && flags & LEASE_FLAGS.COUNTED) service.limit.leave()
    return lease
  }

  /** A place on an endpoint that is not preferred. */
  #placeSpare(service: ServiceRuntime, spare: readonly Member[]): Reservation | undefined {
    const flags = this.#enter(service)
    if (flags < 0) return undefined
    const lease = this.#placeByPreference(service, spare, flags, false)
    if (lease === undefined && flags & LEASE_FLAGS.COUNTED) service.limit.leave()
    return lease
  }

  /** Of the most preferred priority level that has room. `members`: the most preferred first. */
  #placeByPreference(
    service: ServiceRuntime,
    members: readonly Member[],
    flags: number,
    isRetry: boolean,
  ): Reservation | undefined {
    for (let begin = 0; begin < members.length; ) {
      const { priority } = members[begin].endpoint
      const next = members.findIndex((member, i) => i >= begin && member.endpoint.priority !== priority)
      const end = next < 0 ? members.length : next
      const lease = this.#placeAmong(service, members.slice(begin, end), flags, isRetry)
      if (lease !== undefined) return lease
      begin = end
    }
    return undefined
  }

  /** Of two at random the one with fewer requests in flight, as long as there are any. Takes them out of `fresh`. */
  #placeAmong(
    service: ServiceRuntime,
    fresh: Member[],
    flags: number,
    isRetry: boolean,
  ): Reservation | undefined {
    const { core } = this.#state
    const { retries } = service
    const take = (): Member => fresh.splice(toBelow(core.random(), fresh.length), 1)[0]
    while (fresh.length > 0) {
      const one = take()
      const other = fresh.length > 0 ? take() : one
      const [better, worse] = this.#inFlight(other) < this.#inFlight(one) ? [other, one] : [one, other]
      for (const { slot } of [better, worse]) {
        if (isRetry && !retries.takeAt(slot)) continue
        if (core.reserve(slot)) return this.#lease(service, slot, isRetry ? flags | LEASE_FLAGS.RETRY : flags)
        if (isRetry) retries.leaveAt(slot)
      }
    }
    return undefined
  }

  /** Whether an endpoint is healthy, and has room, that is none of `tried`. */
  hasAlternative(
    service: ServiceRuntime,
    tried: readonly Endpoint[],
    request: PickOptions = NO_OPTIONS,
  ): boolean {
    const view = this.#viewOf(service).of(request)
    const isAlternative = (member: Member) => !tried.includes(member.endpoint) && hasRoom(this.#state, member)
    return view.usable.some(isAlternative) || view.spare.some(isAlternative)
  }

  /** The error of a request that `limit` keeps from waiting for a connection. Counted. */
  overloaded(service: ServiceRuntime, limit: string): Error {
    return overloaded(this.#state, service, limit)
  }

  /** The service of that name. @throws UnknownServiceError */
  known(name: string): ServiceRuntime {
    const service = this.#services.get(name) ?? this.#newest.get(name)
    if (service === undefined) throw new UnknownServiceError(String(name), this.serviceNames)
    return service
  }

  /** What requests choose from now: made anew where anything has changed since the last one was. */
  #viewOf(service: ServiceRuntime): ServiceView {
    const { view } = service
    if (view !== undefined) return view
    const { epoch } = service
    this.#services.catchUp()
    return service.renewView(epoch)
  }

  /** A place within the service's own limit: flags of the lease, or -1 where there is none. */
  #enter({ requestLimit, limit }: ServiceRuntime): number {
    if (requestLimit === 0) return 0
    return limit.enter(requestLimit) === NO_PLACE ? -1 : LEASE_FLAGS.COUNTED
  }

  #lease(service: ServiceRuntime, slot: number, flags: number): Reservation {
    service.stalls.began()
    const startedAt = this.#state.core.startedAt()
    const few = service.adaptive.sent(slot, startedAt) ? LEASE_FLAGS.FEW : 0
    return new Reservation(service.feedback, service.configured.at(slot), startedAt, flags | few)
  }

  #inFlight({ slot }: Member): number {
    return this.#state.peek(slot, SLOT.IN_FLIGHT)
  }

  // Configuration.

  /** The services, once what other threads have changed is taken over. */
  get #newest(): Services {
    this.#services.catchUp()
    return this.#services
  }

  /** The service of that name, or undefined. */
  find(name: string): ServiceRuntime | undefined {
    return this.#services.get(name) ?? this.#newest.get(name)
  }

  get serviceNames(): string[] {
    return this.#newest.names
  }

  /** For changes of single services. */
  get services(): Services {
    return this.#services
  }

  get rules(): RuleSet {
    return this.#rules
  }

  /**
   * Replaces the whole configuration. Resolves when every thread that shares the balancer has it.
   * @throws ConfigError before anything has changed
   */
  async update(config: BalancerConfig): Promise<void> {
    if (this.stopped) throw new StoppedError()
    const { services, rules } = parseBalancerConfig(config)
    this.#services.replace(services, rules)
    await this.synced()
  }

  /** Resolves when every thread that shares the balancer has all that was changed so far. */
  async synced(): Promise<void> {
    await this.#services.sharing?.seen()
    // What has left may be free now.
    this.#services.retired.sweep()
  }

  /** This balancer as plain data, for other threads of the process. @throws StoppedError */
  get handle(): BalancerHandle {
    if (this.stopped) throw new StoppedError()
    this.#memory ??= this.#services.share()
    return toHandle(this.#memory, selection.kind)
  }

  /** A copy of all counts, as plain data. */
  stats(): BalancerStats {
    const services: Record<string, ServiceStats> = Object.create(null)
    for (const service of this.#newest)
      services[service.name] = service.stats(
        this.#viewOf(service).whole.panic,
        this.#services.loops.sourceStats(service),
      )
    return { engine: selection.kind, services }
  }

  /** ms on the balancer's clock. */
  now(): number {
    return this.#state.core.now()
  }

  // Start and stop.

  /**
   * Starts the control loops, in whichever thread leads. Resolves when each source of endpoints that this thread asks has answered, or could
   * not, but after ten seconds at the latest.
   */
  async start(): Promise<void> {
    if (this.stopped) throw new StoppedError()
    Atomics.store(this.#state.root, HEADER.STARTED, 1)
    const { loops, sharing } = this.#services
    loops.update()
    sharing?.announce()
    await atMost(loops.ready(), MAX_START_MS)
  }

  get leads(): boolean {
    return this.#services.leads
  }

  get stopped(): boolean {
    return this.#stopping !== undefined || this.#state.root[HEADER.STOPPED] === 1
  }

  /** @throws ArgumentError */
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

  async #stop(drainMs: number): Promise<void> {
    const { sharing, loops } = this.#services
    if (this.#isOwner) {
      Atomics.store(this.#state.root, HEADER.STOPPED, 1)
      sharing?.tellStopped()
    }
    for (const { admission } of this.#services) admission.fail(() => new StoppedError())
    const checks = loops.stop()
    await drained(() => (this.#isOwner || sharing === undefined ? this.inFlight : sharing.inFlight), drainMs)
    for (const service of this.#services) service.stop()
    await checks
    await this.#closeClients()
    sharing?.detach(
      (slot, isOpen) => {
        if (isOpen) this.#state.core.close(slot, false)
        else this.#state.core.end(slot, 0, OUTCOME.CANCELLED, -1)
      },
      (service) => ServiceCount.inFlight(this.#state, service).leave(),
    )
  }

  /** Requests in flight to all services, those that have left included, from all threads. */
  get inFlight(): number {
    let sum = this.#services.retired.inFlight
    for (const { configured } of this.#services) sum += configured.inFlight
    return sum
  }
}
