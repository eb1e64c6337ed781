import { AdaptiveLimits } from '../admission/adaptive-limits.js'
import { AdmissionQueue } from '../admission/admission-queue.js'
import {
  type ConnectionCounters,
  type SlotCounters,
  serviceCounters,
} from '../admission/connection-counts.js'
import { Impatience } from '../admission/impatience.js'
import { ServiceCount } from '../admission/service-count.js'
import { SharedControl } from '../admission/shared-control.js'
import { UNLIMITED } from '../admission/shared-count.js'
import type { ThreadWaits } from '../admission/thread-waits.js'
import type { ConfiguredService, EndpointDiff } from '../configuration/configured-service.js'
import type { ResolvedService } from '../configuration/service.js'
import { NO_CONNECTIONS } from '../connections/pool.js'
import { SERVICE, SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { NoEndpointError } from '../errors.js'
import { INITIAL_HEALTH_SCORE } from '../health/active/threshold.js'
import { HEALTH, stateOf } from '../health/filter.js'
import { isOff } from '../health/passive/by-cause.js'
import { EJECTION_OFF, Ejection, type EjectionOptions } from '../health/passive/ejection.js'
import { CAUSE } from '../health/passive/ejection-words.js'
import { StallWatch } from '../health/passive/stall.js'
import type { ConnectionCounts, EndpointState, PickOptions } from '../model/index.js'
import type { ServiceFacts } from '../observe/describe.js'
import type { EndpointChange } from '../observe/events.js'
import { type ServiceStats, type SourceStats, serviceStats, Totals } from '../observe/stats.js'
import { RetryBudget } from '../outcome/budget.js'
import type { Timers } from '../runtime/timers.js'
import type { Member } from '../topology/member.js'
import type { RetiredSlots } from '../topology/retired-slots.js'
import { ServiceView } from '../view/service-view.js'
import { WarmUp } from '../view/warm-up.js'
import { ConnectionLimits, type ConnectionNews } from './connection-limits.js'
import { Feedback } from './feedback.js'
import type { Reservation } from './reservation.js'
import { RetryLimits } from './retry-limits.js'
import { ServicePolicy } from './service-policy.js'

/** A request that waits for a place. */
export interface WaitingRequest {
  readonly pick: PickOptions
  /** It can be answered elsewhere where the endpoint turns out to answer nothing. */
  readonly mayMove: boolean
}

/** How requests come to places: a request's way, of which the admission queue is a part. */
export interface ServicePlaces {
  /** A place for a request whose turn it is; undefined where each is taken that it may use. Throws where there can be none. */
  take(service: ServiceRuntime, request: WaitingRequest): Reservation | undefined
  /** Free places, counted up to `enough`. */
  free(service: ServiceRuntime, enough: number): number
  /** Nobody finds a place: looks whether something holds them without need. */
  relieve(service: ServiceRuntime): void
}

/** What every service of a balancer stands on. */
export interface ServiceParts {
  readonly places: ServicePlaces
  readonly waits: ThreadWaits
  readonly counters: SlotCounters
  /** What a service's connections tell other threads. */
  readonly connectionNews: (service: number) => ConnectionNews
  readonly state: SharedState
  readonly retired: RetiredSlots
  readonly timers: Timers
  /** Whether this thread runs the control loops. */
  readonly leads: () => boolean
  /** Is told of each change of an endpoint that requests, checks and timers make, after it has taken effect. */
  readonly observe: (change: EndpointChanged) => void
}

/** An endpoint has changed, and why. */
export interface EndpointChanged {
  readonly kind: 'endpoint'
  readonly service: ServiceRuntime
  readonly member: Member
  readonly type: EndpointChange
  /** Its state after the change. */
  readonly state: EndpointState
  /** In words, for logs. */
  readonly reason: string
}

/** Result of an active check, and what rise and fall make of it. */
export interface Checked {
  readonly ok: boolean
  readonly health: number
  readonly run: number
  readonly score: number
  /** Whether `health` is another than before. */
  readonly changed: boolean
}

/**
 * One service at work in this thread: its configuration, and the stages that its requests pass. The way over those
 * stages is `balancer.ts`; what follows from outcomes is `feedback.ts`.
 */
export class ServiceRuntime {
  readonly name: string
  readonly index: number
  readonly configured: ConfiguredService
  readonly ejection: Ejection<Member>
  /** Requests that wait for an answer and may go elsewhere, and trials of endpoints that give none. */
  readonly stalls: StallWatch<Member>
  readonly limit: ServiceCount
  /** Further tries of its requests. */
  readonly retries: RetryLimits
  /** Requests that wait for a place. */
  readonly admission: AdmissionQueue<WaitingRequest, Reservation>
  /** How many requests its endpoints take, as is found out. */
  readonly adaptive: AdaptiveLimits
  /** Whether its callers give up. */
  readonly impatience: Impatience
  readonly policy: ServicePolicy
  readonly feedback: Feedback
  readonly #parts: ServiceParts
  readonly #state: SharedState
  readonly #warmUp: WarmUp
  /** The segment of the service's record, and in it the word of its filter epoch. */
  readonly #words: Int32Array
  readonly #epochWord: number
  /** Connections of this thread by an endpoint's URL: of whoever sends requests there. */
  countConnections: ((url: string) => ConnectionCounts) | undefined
  #connections: ConnectionLimits | undefined
  #counters: ConnectionCounters | undefined
  #budget: RetryBudget
  #control: SharedControl | undefined
  /** What this thread chooses from until the filter epoch moves on. */
  #view: ServiceView | undefined
  #viewEpoch = 0
  #requestLimit = 0
  /** Left the configuration: its record may be another service's by now. */
  #closed = false

  constructor(parts: ServiceParts, configured: ConfiguredService) {
    const { state, timers } = parts
    const { options, index } = configured
    this.name = configured.name
    this.index = index
    this.configured = configured
    this.#parts = parts
    this.#state = state
    this.#words = state.serviceWords(index)
    this.#epochWord = state.serviceField(index, SERVICE.FILTER_EPOCH)
    this.#budget = new RetryBudget(state, index, options.retry.budget)
    this.#control = this.#controlBy(options)
    this.limit = ServiceCount.inFlight(state, index)
    const { counters } = parts
    const limits = () => this.options.limits
    this.retries = new RetryLimits(state, () => this.counters.retries, counters, limits)
    this.impatience = new Impatience(state, index)
    this.adaptive = new AdaptiveLimits(state, this.impatience)
    this.admission = new AdmissionQueue(state, index, timers, parts.waits, {
      take: (request) => parts.places.take(this, request),
      free: (enough) => parts.places.free(this, enough),
      relieve: () => parts.places.relieve(this),
    })
    const renew = () => {
      this.#view = undefined
    }
    this.policy = new ServicePolicy(state, timers, renew)
    this.#warmUp = new WarmUp(timers, renew)
    const members = () => configured.members
    this.ejection = new Ejection(
      state,
      ejectionOptions(options),
      timers,
      members,
      (member, type, why) => parts.observe(this.changeOf(member, type, why)),
      parts.leads,
    )
    this.stalls = new StallWatch(
      state,
      timers,
      members,
      () => !isOff(CAUSE.SILENCE, ejectionOptions(this.options)),
      (member, wasProbe) => this.ejection.stalled(member, wasProbe),
    )
    this.feedback = new Feedback(this, state, parts.retired)
  }

  get options(): ResolvedService {
    return this.configured.options
  }

  get members(): readonly Member[] {
    return this.configured.members
  }

  get budget(): RetryBudget {
    return this.#budget
  }

  /** Rejects requests while too many fail; undefined: off. */
  get control(): SharedControl | undefined {
    return this.#control
  }

  /** Of the service as a whole; made when they are first asked for. */
  get counters(): ConnectionCounters {
    this.#counters ??= serviceCounters(this.#state, this.index)
    return this.#counters
  }

  /** The limits of its connections, once there were any in this thread. */
  get openLimits(): ConnectionLimits | undefined {
    return this.#connections
  }

  get connectionLimits(): ConnectionLimits {
    const { counters, connectionNews, retired } = this.#parts
    this.#connections ??= new ConnectionLimits(
      this.#state,
      this.index,
      this.counters,
      counters,
      () => this.options.limits,
      connectionNews(this.index),
      () => retired.sweep(),
    )
    return this.#connections
  }

  get closed(): boolean {
    return this.#closed
  }

  // What requests choose from.

  /** What this thread chooses from; undefined where something has changed since, and `renewView` makes another. */
  get view(): ServiceView | undefined {
    return Atomics.load(this.#words, this.#epochWord) === this.#viewEpoch ? this.#view : undefined
  }

  /** Requests that may be in flight to the whole service, as of the view; 0: they are not counted. */
  get requestLimit(): number {
    return this.#requestLimit
  }

  /** The filter epoch as it is. To be read before what it stands for, so that a change meanwhile is not missed. */
  get epoch(): number {
    return Atomics.load(this.#words, this.#epochWord)
  }

  /** `epoch` as it was before the configuration was last taken over. */
  renewView(epoch: number): ServiceView {
    this.#viewEpoch = epoch
    this.#requestLimit = this.options.limits.maxRequests || (this.policy.countsRequests ? UNLIMITED : 0)
    const basis = {
      state: this.#state,
      service: this.index,
      members: this.members,
      options: this.options,
      policy: this.policy,
    }
    const view = new ServiceView(basis, () => this.#warmUp.watch(this.options.slowStart))
    this.#view = view
    this.ejection.watch()
    return view
  }

  // Taking over what the configuration says.

  /** Takes over the options that `configured` has by now, and what became of its endpoints. Returns what is to be told. */
  configure(diff: EndpointDiff, how: string): EndpointChanged[] {
    const { options } = this
    this.#budget = new RetryBudget(this.#state, this.index, options.retry.budget)
    this.#control = this.#controlBy(options)
    this.ejection.configure(ejectionOptions(options))
    const changes = this.replaceEndpoints(diff, how)
    // The thread that checks may have written a last result after whoever has made the change had written its settings.
    if (this.#parts.leads()) changes.push(...this.#forgetChecks())
    // Last, since policies of the user's own run then, and may use the balancer.
    this.policy.configure(options)
    return changes
  }

  /** As `configure`, where the options are as they were. */
  replaceEndpoints({ added, changed, removed }: EndpointDiff, how: string): EndpointChanged[] {
    this.#view = undefined
    for (const member of removed) this.#forget(member)
    return [
      ...removed.map((member) => this.#removed(member)),
      ...changed.map((member) => this.changeOf(member, 'changed', 'its configuration changed')),
      ...added.map((member) => this.changeOf(member, 'added', how)),
    ]
  }

  #controlBy({ admissionControl }: ResolvedService): SharedControl | undefined {
    if (admissionControl === undefined) return undefined
    return new SharedControl(this.#state, this.index, admissionControl)
  }

  /** The service has left the configuration, with all of its endpoints. Returns what is to be told. */
  close({ removed }: EndpointDiff): EndpointChanged[] {
    this.#view = undefined
    this.#closed = true
    this.#control = undefined
    for (const member of removed) this.#forget(member)
    this.admission.fail(() => new NoEndpointError(this.name, 'it has left the configuration'))
    this.stop()
    // Threads that still pick from it find out.
    this.#state.touchFilter(this.index)
    return removed.map((member) => this.#removed(member))
  }

  /** Ends its timers, and closes its policy. */
  stop(): void {
    this.ejection.stop()
    this.stalls.stop()
    this.#warmUp.stop()
    this.policy.close()
  }

  #forget({ slot, endpoint }: Member): void {
    this.ejection.forget(slot)
    this.policy.forget(endpoint.id)
  }

  #removed(member: Member): EndpointChanged {
    const reason = 'it left the service; its requests in flight finish'
    return { kind: 'endpoint', service: this, member, type: 'removed', state: 'drain', reason }
  }

  // What only the thread writes that has made a change.

  /** Writes into shared memory what the configuration says of the endpoints, and tells all threads to look. */
  writeSettings(): void {
    this.configured.writeSettings()
    for (const change of this.#forgetChecks()) this.#parts.observe(change)
    this.ejection.writeSettings()
    this.#state.touchFilter(this.index)
  }

  /** As `writeSettings`, of the endpoints that are new or say something else. */
  writeSettingsOf({ added, changed }: EndpointDiff): void {
    this.configured.writeSettingsOf([...added, ...changed])
    this.#state.touchFilter(this.index)
  }

  /** As `writeSettings`, of one endpoint's weight. */
  writeWeight(id: string): void {
    const { slot, endpoint } = this.configured.find(id)
    this.#state.setFloat(slot, SLOT.WEIGHT, endpoint.weight)
    this.#state.touchFilter(this.index)
  }

  /** Where nobody checks any more, nobody would ever find an endpoint healthy again. */
  #forgetChecks(): EndpointChanged[] {
    if (this.options.health !== undefined) return []
    const changes: EndpointChanged[] = []
    for (const member of this.members) {
      const health = this.#state.get(member.slot, SLOT.HEALTH)
      if (health === HEALTH.UNKNOWN) continue
      const result = { ok: false, health: HEALTH.UNKNOWN, run: 0, score: INITIAL_HEALTH_SCORE }
      const changed = health === HEALTH.UNHEALTHY
      if (this.#take(member, { ...result, changed }))
        changes.push(this.changeOf(member, 'healthy', 'it is no longer checked'))
    }
    return changes
  }

  // What active checks and operators say.

  /** An active check ended. */
  checked(member: Member, result: Checked, why: string): void {
    if (!this.#take(member, result)) return
    const type = result.health === HEALTH.UNHEALTHY ? 'unhealthy' : 'healthy'
    this.#parts.observe(this.changeOf(member, type, why))
  }

  #take(member: Member, result: Checked): boolean {
    const { slot } = member
    const recovered = result.changed && this.#state.get(slot, SLOT.HEALTH) === HEALTH.UNHEALTHY
    if (recovered) this.#state.setDouble(slot, SLOT.READY_SINCE, this.#state.core.now())
    this.#state.set(slot, SLOT.HEALTH, result.health)
    this.#state.set(slot, SLOT.CHECK_RUN, result.run)
    this.#state.setFloat(slot, SLOT.HEALTH_SCORE, result.score)
    if (result.ok) this.ejection.checkPassed(member)
    if (result.changed) this.#state.touchFilter(this.index)
    return result.changed
  }

  /** An operator has set an endpoint's state or breaker. Undefined: it stays as it is. */
  setByHand(member: Member, admin: number | undefined, breaker: number | undefined): void {
    const { slot } = member
    const wasReady = stateOf(this.#state, slot) === 'ready'
    if (admin !== undefined) this.#state.set(slot, SLOT.ADMIN, admin)
    if (breaker !== undefined) this.#state.set(slot, SLOT.BREAKER, breaker)
    if (!wasReady) this.#state.setDouble(slot, SLOT.READY_SINCE, this.#state.core.now())
    this.adjusted(member, 'it was set by hand')
  }

  /** Something that policies look at was changed in an endpoint's slot. */
  adjusted(member: Member, why: string): void {
    this.#state.touchFilter(this.index)
    this.#parts.observe(this.changeOf(member, 'set', why))
  }

  changeOf(member: Member, type: EndpointChange, reason: string): EndpointChanged {
    const state = stateOf(this.#state, member.slot)
    return { kind: 'endpoint', service: this, member, type, state, reason }
  }

  // What it shows.

  /** `panic` as the service's view has it. */
  stats(panic: boolean, sources: readonly SourceStats[]): ServiceStats {
    return serviceStats(this.#state, {
      index: this.index,
      endpoints: this.members.map(({ slot, endpoint: { id, url, weight, zone, region } }) => {
        const connections = this.countConnections?.(url) ?? NO_CONNECTIONS
        return { id, slot, weight, zone, region, state: stateOf(this.#state, slot), connections }
      }),
      leaving: [...this.configured.leaving],
      gone: new Totals().addSlot(this.#state, this.#state.claims.goneSlot(this.index)),
      panic,
      retriesAvailable: this.#budget.available,
      queueLimit: this.options.queue.limit,
      admissionControl: this.#control?.stats,
      limits: this.options.limits,
      sources,
    })
  }

  /** What `util.inspect` shows. */
  get facts(): ServiceFacts {
    const endpoints = this.members.map(({ slot, endpoint: { id } }) => {
      return { id, state: stateOf(this.#state, slot), inFlight: this.#state.get(slot, SLOT.IN_FLIGHT) }
    })
    return { name: this.name, policy: this.options.policy.name, endpoints }
  }
}

/** Active checks notice the end of an outage themselves. */
function ejectionOptions({ outlier = EJECTION_OFF, health }: ResolvedService): EjectionOptions {
  return health === undefined ? outlier : { ...outlier, reconnectMs: 0 }
}
