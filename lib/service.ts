import { ServiceLimit } from './admission/service-limit.js'
import { NO_CONNECTIONS } from './connections/pool.js'
import { OUTCOME, SERVICE, SLOT } from './engine/layout.js'
import type { SharedState } from './engine/state.js'
import { ArgumentError, NoEndpointError, OverloadedError } from './errors.js'
import { EJECTION_OFF, Ejection, type EjectionOptions } from './health/ejection.js'
import { isOff } from './health/ejection-options.js'
import { CAUSE } from './health/ejection-words.js'
import { ADMIN_STATES, BREAKERS, HEALTH, stateOf } from './health/filter.js'
import { StallWatch } from './health/stall.js'
import { INITIAL_HEALTH_SCORE } from './health/threshold.js'
import { LEASE_FLAGS, Lease } from './lease.js'
import type {
  AdminState,
  BreakerOverride,
  ConnectionCounts,
  Endpoint,
  EndpointConfig,
  EndpointState,
  LoadReport,
  PickOptions,
} from './model.js'
import { describeService, type HowToInspect, INSPECT, type ServiceFacts } from './observe/describe.js'
import type { EndpointChange } from './observe/events.js'
import { type ServiceStats, serviceStats, Totals } from './observe/stats.js'
import type { ResolvedRule, ResolvedService } from './options/resolved.js'
import { parseEndpoint } from './options.js'
import { RetryBudget } from './outcome/budget.js'
import { type AnswerVerdict, OUTCOME_OF, type Verdict } from './outcome/classify.js'
import { withKey } from './policy/hash-on.js'
import { firstLatencyMs, latencyKind } from './policy/index.js'
import { applyRule } from './rules/apply.js'
import { givenTo, withGiven } from './runtime/dispatchers.js'
import type { Timers } from './runtime/timers.js'
import { ServicePolicy } from './service-policy.js'
import { ServiceView, type View, WarmUp } from './service-view.js'
import type { Change, PlacedService } from './share/change.js'
import type { Departures } from './topology/departures.js'
import { admit, type Member, type SlotSettings } from './topology/member.js'
import { Roster } from './topology/roster.js'

/** Told of every change of an endpoint, after it has taken effect. */
export type ChangeListener = (
  service: Service,
  member: Member,
  change: EndpointChange,
  state: EndpointState,
  why: string,
) => void

/** What a service has of its balancer. */
export interface ServiceHost {
  readonly state: SharedState
  /** Of all services. */
  readonly bySlot: (Member | undefined)[]
  readonly departures: Departures
  readonly timers: Timers
  readonly listener: ChangeListener
  /** Whether this thread runs the control loops. */
  leads(): boolean
  /** Takes over what other threads have changed. */
  refresh(): void
  /** Makes a change that `plan` works out on the newest configuration, here and in all other threads. */
  commit(plan: () => Draft): void
  /** Version of the configuration that this thread has. */
  version(): number
  /** A request has ended. */
  ended(): void
}

/** A change, and what was claimed for it: published with it, given back where nothing comes of it. */
export interface Draft {
  readonly change: Change
  readonly slots: readonly number[]
  /** Indexes of service records. */
  readonly services: readonly number[]
}

const NO_OPTIONS: PickOptions = Object.freeze({})
const TWO_TO_32 = 4294967296
const LISTED_IN_ERRORS = 10
/** More requests in flight than there can be: they are only counted. */
const UNLIMITED = 0x7fffffff

/** One service: the part of a request's way from the health filter to the feedback, and its endpoints. */
export class Service {
  readonly name: string
  readonly index: number
  readonly #host: ServiceHost
  readonly #state: SharedState
  readonly #ejection: Ejection<Member>
  readonly #stalls: StallWatch<Member>
  readonly #roster: Roster
  readonly #limit: ServiceLimit
  readonly #policy: ServicePolicy
  readonly #warmUp: WarmUp
  /** The segment of the service's record, and in it the word of its filter epoch. */
  readonly #words: Int32Array
  readonly #epochWord: number
  /** As configured, before the rule. */
  #base: ResolvedService
  #rule: ResolvedRule | undefined
  /** As in force. */
  #options: ResolvedService
  #budget: RetryBudget
  /** What this thread chooses from until the filter epoch moves on. */
  #view: ServiceView | undefined
  #viewEpoch = 0
  /** Left the configuration: its record may be another service's by now. */
  #closed = false
  /** Connections of this thread by an endpoint's URL: of whoever sends requests there. */
  countConnections: ((url: string) => ConnectionCounts) | undefined

  /** Has no endpoints until `configure`. `index` is its record in shared memory. */
  constructor(host: ServiceHost, index: number, base: ResolvedService, rule: ResolvedRule | undefined) {
    const { state, bySlot, departures, timers } = host
    const options = applyRule(base, rule)
    this.name = options.name
    this.index = index
    this.#host = host
    this.#state = state
    this.#base = base
    this.#rule = rule
    this.#options = options
    this.#words = state.serviceWords(index)
    this.#epochWord = state.serviceField(index, SERVICE.FILTER_EPOCH)
    this.#budget = new RetryBudget(state, index, options.retry.budget)
    this.#limit = new ServiceLimit(state, index)
    const renew = () => {
      this.#view = undefined
    }
    this.#policy = new ServicePolicy(state, timers, renew)
    this.#warmUp = new WarmUp(timers, renew)
    this.#roster = new Roster(state, index, bySlot, departures)
    this.#ejection = new Ejection(
      state,
      ejectionOptions(options),
      timers,
      () => this.#roster.members,
      (member, change, why) => this.#tell(member, change, why),
      host.leads,
    )
    this.#stalls = new StallWatch(
      state,
      timers,
      () => this.#roster.members,
      () => !isOff(CAUSE.SILENCE, ejectionOptions(this.#options)),
      (member, wasProbe) => this.#ejection.stalled(member, wasProbe),
    )
  }

  get options(): ResolvedService {
    return this.#options
  }

  /** As configured, before any rule. */
  get base(): ResolvedService {
    return this.#base
  }

  /** Requests that wait for an answer and may go elsewhere, and what they are to look at. */
  get stalls(): StallWatch<Member> {
    return this.#stalls
  }

  get budget(): RetryBudget {
    return this.#budget
  }

  get endpoints(): Endpoint[] {
    this.#host.refresh()
    return this.#roster.members.map(({ endpoint }) => endpoint)
  }

  get members(): readonly Member[] {
    return this.#roster.members
  }

  // A request's way: filter, policy, reservation, lease ... feedback.

  /**
   * Chooses an endpoint and reserves a place on it. Throws `NoEndpointError` where none may be used, and
   * `OverloadedError` where each usable one is at its limit.
   */
  pick(request: PickOptions = NO_OPTIONS): Lease {
    const current = this.#currentView()
    if (this.#closed) throw new NoEndpointError(this.name, 'it has left the configuration')
    const view = current.of(request)
    const { hashOn } = this.#options
    const wanted = hashOn === undefined ? request : withKey(request, hashOn)
    const most = this.#mostRequests
    let flags = 0
    if (most !== 0) {
      if (!this.#limit.enter(most)) throw this.#overloaded(`limits.maxRequests, ${most}, is reached`)
      flags = LEASE_FLAGS.COUNTED
    }
    if (view.awaitingProbe.length !== 0) {
      const probe = this.#probe(view.awaitingProbe, flags)
      if (probe !== undefined) return probe
    }
    let slot = -1
    try {
      // Throws on a key or address that is no text, and where a policy of the user's own fails.
      slot = view.picker(wanted)
      if (slot < 0) throw this.#refusal(view, request)
    } catch (error) {
      if (flags & LEASE_FLAGS.COUNTED) this.#limit.leave()
      throw error
    }
    return this.#lease(slot, flags)
  }

  /**
   * A place for an idempotent request on an endpoint that has been silent for a while, to see whether it answers: the
   * request goes elsewhere where it does not. Undefined, mostly, where there is nothing to look at.
   */
  pickToLook(request: PickOptions = NO_OPTIONS): Lease | undefined {
    if (!this.#stalls.suspects || this.#closed || this.#budget.available === 0) return undefined
    const { usable } = this.#currentView().of(request)
    const member = this.#stalls.claimLook((one) => usable.includes(one))
    if (member === undefined) return undefined
    const most = this.#mostRequests
    if (most === 0 || this.#limit.enter(most)) {
      const flags = most === 0 ? 0 : LEASE_FLAGS.COUNTED
      if (this.#state.core.reserve(member.slot)) return this.#lease(member.slot, flags | LEASE_FLAGS.LOOK)
      if (most !== 0) this.#limit.leave()
    }
    // It was not sent, so it is no look.
    this.#stalls.lookCancelled(member, 0)
    return undefined
  }

  /**
   * A place for one more try of a request, on an endpoint that it has not tried: the one with fewer requests in flight
   * of two at random, whatever the policy, which has had its say. Undefined where there is none.
   */
  pickOther(tried: readonly Endpoint[], request: PickOptions = NO_OPTIONS): Lease | undefined {
    const { core } = this.#state
    const view = this.#currentView().of(request)
    const most = this.#mostRequests
    if (most !== 0 && !this.#limit.enter(most)) return undefined
    const flags = most === 0 ? 0 : LEASE_FLAGS.COUNTED
    const fresh = view.usable.filter(({ endpoint }) => !tried.includes(endpoint))
    const take = (): Member => fresh.splice(Math.floor((core.random() * fresh.length) / TWO_TO_32), 1)[0]
    while (fresh.length > 0) {
      const one = take()
      const other = fresh.length > 0 ? take() : one
      const [better, worse] = this.#inFlight(other) < this.#inFlight(one) ? [other, one] : [one, other]
      for (const { slot } of [better, worse]) {
        if (core.reserve(slot)) return this.#lease(slot, flags)
      }
    }
    if (flags & LEASE_FLAGS.COUNTED) this.#limit.leave()
    return undefined
  }

  /** Whether an endpoint is usable, and has room, that is none of `tried`. */
  hasOther(tried: readonly Endpoint[], request: PickOptions = NO_OPTIONS): boolean {
    const hasRoom = ({ slot }: Member): boolean => {
      const limit = this.#state.peek(slot, SLOT.LIMIT)
      return limit === 0 || this.#state.peek(slot, SLOT.IN_FLIGHT) < limit
    }
    return this.#currentView()
      .of(request)
      .usable.some((member) => !tried.includes(member.endpoint) && hasRoom(member))
  }

  /** The first request after an ejection probes the endpoint; all others go on elsewhere meanwhile. */
  #probe(awaiting: readonly Member[], flags: number): Lease | undefined {
    for (const member of awaiting) {
      if (!this.#ejection.claimProbe(member)) continue
      if (this.#state.core.reserve(member.slot)) return this.#lease(member.slot, flags | LEASE_FLAGS.PROBE)
      this.#ejection.probeCancelled(member)
    }
    return undefined
  }

  #lease(slot: number, flags: number): Lease {
    this.#stalls.began()
    return new Lease(this, this.#roster.at(slot), this.#state.core.startedAt(), flags)
  }

  // What a lease says: the only place where requests write latency and health.

  /** The final headers of a request are here; its place is kept until `closed`. */
  answered(
    member: Member,
    startedAt: number,
    verdict: AnswerVerdict,
    latencyMs: number,
    pauseMs: number,
    flags: number,
  ): void {
    this.#stalls.ended()
    if (this.#state.detached) return
    try {
      this.#judge(member, startedAt, verdict, pauseMs, flags)
    } finally {
      this.#state.core.answer(member.slot, startedAt, OUTCOME_OF[verdict], latencyMs)
    }
    this.#policy.answered(member.slot, startedAt, latencyMs, verdict === 'success')
  }

  /** The body of an answered request is over. `succeeded`: its answer was good. */
  closed(
    member: Member,
    body: 'complete' | 'broken' | 'lost' | 'left',
    succeeded: boolean,
    flags: number,
    startedAt: number,
  ): void {
    if (this.#state.detached) return
    try {
      if (body === 'complete') this.#ejection.bodyComplete(member)
      else if (body === 'broken') this.#ejection.bodyBroken(member)
    } finally {
      if (flags & LEASE_FLAGS.COUNTED) this.#limit.leave()
      this.#state.core.close(member.slot, succeeded && (body === 'broken' || body === 'lost'))
    }
    this.#afterEnd(member, startedAt)
  }

  /** A request is over, answered or not. */
  feedback(
    member: Member,
    startedAt: number,
    verdict: Verdict,
    latencyMs: number,
    pauseMs: number,
    flags: number,
  ): void {
    this.#stalls.ended()
    if (this.#state.detached) return
    try {
      this.#judge(member, startedAt, verdict, pauseMs, flags)
      if (verdict === 'success') this.#ejection.bodyComplete(member)
      if (verdict === 'cancelled' && (flags & LEASE_FLAGS.LOOK) !== 0)
        this.#stalls.lookCancelled(member, this.#state.core.now() - startedAt)
    } finally {
      // Last: with nothing in flight there the slot may become another endpoint's, and the record another service's.
      if (flags & LEASE_FLAGS.COUNTED) this.#limit.leave()
      this.#state.core.end(member.slot, startedAt, OUTCOME_OF[verdict], latencyMs)
    }
    this.#policy.answered(member.slot, startedAt, latencyMs, verdict === 'success')
    this.#afterEnd(member, startedAt)
  }

  #afterEnd({ slot }: Member, startedAt: number): void {
    this.#policy.ended(slot, startedAt)
    this.#host.departures.sweep()
    this.#host.ended()
  }

  #judge(member: Member, startedAt: number, verdict: Verdict, pauseMs: number, flags: number): void {
    const wasProbe = (flags & LEASE_FLAGS.PROBE) !== 0
    switch (verdict) {
      case 'success':
        return this.#ejection.succeeded(member, wasProbe)
      case 'throttled':
        return this.#ejection.throttled(member, pauseMs, wasProbe)
      case 'status':
      case 'gateway':
        this.#ejection.failed(member, verdict, wasProbe)
        if (pauseMs > 0) this.#ejection.throttled(member, pauseMs, false)
        return
      case 'connect':
      case 'local-origin':
        return this.#ejection.failed(member, verdict, wasProbe)
      case 'stall':
        return this.#ejection.stalled(member, wasProbe)
      default:
        if (wasProbe) this.#ejection.probeCancelled(member, this.#state.core.now() - startedAt)
    }
  }

  /** An endpoint said how loaded it is, in its answer or to the caller. */
  reported(member: Member, report: LoadReport): void {
    this.#policy.reported(member, report)
  }

  /** An endpoint's answer has begun; `headers` are raw pairs. */
  responded(member: Member, headers: Buffer[]): void {
    this.#policy.responded(member, headers)
  }

  /** A request is about to be tried once more; `verdict` says how the try before counts. */
  countRetry(verdict: Verdict): void {
    this.#state.countService(this.index, SERVICE.RETRIED)
    const outcome = OUTCOME_OF[verdict]
    if (outcome === OUTCOME.CANCELLED) this.#state.countService(this.index, SERVICE.RETRIED_CANCELLED)
    if (outcome === OUTCOME.SUCCEEDED) this.#state.countService(this.index, SERVICE.RETRIED_SUCCEEDED)
  }

  #currentView(): ServiceView {
    const epoch = Atomics.load(this.#words, this.#epochWord)
    if (this.#view !== undefined && epoch === this.#viewEpoch) return this.#view
    this.#host.refresh()
    // The epoch was read before the words it stands for, so a change meanwhile makes the next pick look again.
    this.#viewEpoch = epoch
    const view = this.#buildView()
    this.#view = view
    this.#ejection.watch()
    return view
  }

  #buildView(): ServiceView {
    const basis = {
      state: this.#state,
      service: this.index,
      members: this.#roster.members,
      options: this.#options,
      policy: this.#policy,
    }
    return new ServiceView(basis, () => this.#warmUp.watch(this.#options))
  }

  /** Requests in flight allowed to the service; 0: no limit, and nobody needs their count. */
  get #mostRequests(): number {
    return this.#options.limits.maxRequests || (this.#policy.countsRequests ? UNLIMITED : 0)
  }

  #overloaded(why: string): Error {
    this.#state.countService(this.index, SERVICE.OVERLOADED)
    return new OverloadedError(this.name, why)
  }

  #refusal({ usable }: View, { subset }: PickOptions): Error {
    if (usable.length > 0)
      return this.#overloaded(`all ${usable.length} usable endpoints are at limits.perEndpoint.maxRequests`)
    this.#state.countService(this.index, SERVICE.NO_ENDPOINT)
    const { members } = this.#roster
    if (members.length === 0) return new NoEndpointError(this.name, 'it has no endpoints')
    if (this.#currentView().hasNone(subset)) return new NoEndpointError(this.name, noSubset(subset))
    const listed = members
      .slice(0, LISTED_IN_ERRORS)
      .map(({ endpoint, slot }) => `${endpoint.id} is ${stateOf(this.#state, slot)}`)
    const more = members.length > LISTED_IN_ERRORS ? `, ... (${members.length} in all)` : ''
    return new NoEndpointError(this.name, listed.join(', ') + more)
  }

  // Changes.

  /**
   * Where the endpoints of a validated configuration would be: those that stay keep their slot, new ones get one that is
   * set up. Nothing changes yet.
   */
  place(
    base: ResolvedService,
    rule: ResolvedRule | undefined,
  ): { service: PlacedService; fresh: readonly number[] } {
    const options = applyRule(base, rule)
    const { places, fresh } = this.#roster.place(options.endpoints, slotSettings(options))
    return { service: { name: this.name, index: this.index, base, places }, fresh }
  }

  /** As it is now, for others to take over. */
  get placed(): PlacedService {
    return { name: this.name, index: this.index, base: this.#base, places: this.#roster.places }
  }

  /** Takes over a configuration that `place` has made here or in another thread. */
  configure({ base, places }: Pick<PlacedService, 'base' | 'places'>, rule: ResolvedRule | undefined): void {
    const options = applyRule(base, rule)
    this.#base = base
    this.#rule = rule
    this.#options = options
    this.#budget = new RetryBudget(this.#state, this.index, options.retry.budget)
    this.#ejection.configure(ejectionOptions(options))
    this.#policy.configure(options)
    const since = this.#host.version()
    const { added, changed, removed } = this.#roster.replace(options.endpoints, places, since)
    this.#view = undefined
    for (const member of removed) this.#left(member)
    for (const member of changed) this.#tell(member, 'changed', 'its configuration changed')
    for (const member of added) this.#tell(member, 'added', 'it was configured')
    // The thread that checks may have written a last result after whoever has made the change had written its settings.
    if (this.#host.leads()) this.#forgetChecks()
  }

  /** Where nobody checks any more, nobody would ever find an endpoint healthy again. */
  #forgetChecks(): void {
    if (this.#options.health !== undefined) return
    for (const member of this.#roster.members) {
      const health = this.#state.get(member.slot, SLOT.HEALTH)
      if (health === HEALTH.UNKNOWN) continue
      const result = { ok: false, health: HEALTH.UNKNOWN, run: 0, score: INITIAL_HEALTH_SCORE }
      this.checked(member, { ...result, changed: health === HEALTH.UNHEALTHY }, 'it is no longer checked')
    }
  }

  /** Takes over a change of one endpoint, from here or from another thread. */
  adopt(change: Extract<Change, { kind: 'add' | 'remove' | 'weigh' }>): void {
    this.#view = undefined
    if (change.kind === 'add') {
      this.#setEndpoints((endpoints) => endpoints.concat(change.endpoint))
      this.#tell(this.#roster.add(change.endpoint, change.place), 'added', 'it was added at run time')
      return
    }
    const id = change.kind === 'remove' ? change.id : change.endpoint.id
    const member = this.#roster.find(this.name, id)
    if (change.kind === 'remove') {
      this.#setEndpoints((endpoints) => endpoints.toSpliced(indexOf(endpoints, id), 1))
      this.#roster.remove(member, this.#host.version())
      this.#left(member)
    } else {
      this.#setEndpoints((endpoints) => endpoints.with(indexOf(endpoints, id), change.endpoint))
      member.endpoint = change.endpoint
    }
  }

  #setEndpoints(edit: (endpoints: readonly Endpoint[]) => readonly Endpoint[]): void {
    const base = { ...this.#base, endpoints: edit(this.#base.endpoints) }
    this.#options =
      this.#rule === undefined ? base : { ...this.#options, endpoints: edit(this.#options.endpoints) }
    this.#base = base
  }

  /** Writes into shared memory what the configuration says of the endpoints, and tells all threads to look. */
  writeSettings(): void {
    this.#roster.configure(slotSettings(this.#options))
    this.#forgetChecks()
    this.#ejection.writeSettings()
    this.#state.touchFilter(this.index)
  }

  /** As `writeSettings`, of one endpoint's weight. */
  writeWeight(id: string): void {
    const { slot, endpoint } = this.#roster.find(this.name, id)
    this.#state.setFloat(slot, SLOT.WEIGHT, endpoint.weight)
    this.#state.touchFilter(this.index)
  }

  /** Adds one endpoint at run time. Throws `ConfigError` where it is faulty, `ArgumentError` where it is there already. */
  add(endpoint: string | EndpointConfig): Endpoint {
    const parsed = parseEndpoint(endpoint, 'endpoint')
    this.#commit(() => {
      this.#roster.refuseTwin(this.name, parsed)
      const base = { ...this.#base, endpoints: [...this.#base.endpoints, parsed] }
      if (this.#rule !== undefined) {
        const { service, fresh } = this.place(base, this.#rule)
        return { change: { kind: 'service', service }, slots: fresh, services: [] }
      }
      const { slot, generation } = admit(this.#state, this.index, parsed, slotSettings(this.#options))
      return {
        change: { kind: 'add', service: this.index, endpoint: parsed, place: { slot, generation } },
        slots: [slot],
        services: [],
      }
    })
    return parsed
  }

  /** Removes one endpoint: it gets no new requests, those in flight finish. Throws `UnknownEndpointError`. */
  remove(id: string): void {
    this.#commit(() => {
      this.#roster.find(this.name, id)
      return { change: { kind: 'remove', service: this.index, id }, slots: [], services: [] }
    })
  }

  /** Changes one endpoint at run time; throws, before anything has changed, on what it does not know. */
  set(id: string, change: { state?: AdminState; weight?: number; breaker?: BreakerOverride }): void {
    this.#host.refresh()
    this.#roster.find(this.name, id)
    if (typeof change !== 'object' || change === null)
      throw new ArgumentError(`set() takes an object like { state: 'drain' }, not ${String(change)}`)
    for (const key of Object.keys(change)) {
      if (!['state', 'weight', 'breaker'].includes(key))
        throw new ArgumentError(`set() takes state, weight and breaker, not "${key}"`)
    }
    const admin = codeOf(ADMIN_STATES, change.state, 'state')
    const breaker = codeOf(BREAKERS, change.breaker, 'breaker')
    if (change.weight !== undefined) {
      this.#commit(() => {
        const before = this.#roster.find(this.name, id).endpoint
        const { url, zone, region, priority, metadata } = before
        const parsed = parseEndpoint(
          { id, url, zone, region, priority, metadata, weight: change.weight },
          `endpoint "${id}"`,
        )
        const endpoint = withGiven(parsed, givenTo(before))
        return { change: { kind: 'weigh', service: this.index, endpoint }, slots: [], services: [] }
      })
    }
    const member = this.#roster.find(this.name, id)
    const wasReady = stateOf(this.#state, member.slot) === 'ready'
    if (admin !== undefined) this.#state.set(member.slot, SLOT.ADMIN, admin)
    if (breaker !== undefined) this.#state.set(member.slot, SLOT.BREAKER, breaker)
    if (!wasReady) this.#state.setDouble(member.slot, SLOT.READY_SINCE, this.#state.core.now())
    this.#state.touchFilter(this.index)
    this.#tell(member, 'set', 'it was set by hand')
  }

  #commit(plan: () => Draft): void {
    this.#host.commit(() => {
      if (this.#closed) {
        throw new ArgumentError(
          `service "${this.name}" has left the configuration; balancer.service("${this.name}") is the one of that name, if there is one`,
        )
      }
      return plan()
    })
  }

  /** An active check ended; `health` is what rise and fall make of it. */
  checked(
    member: Member,
    result: { ok: boolean; health: number; run: number; score: number; changed: boolean },
    why: string,
  ): void {
    const { slot } = member
    const recovered = result.changed && this.#state.get(slot, SLOT.HEALTH) === HEALTH.UNHEALTHY
    if (recovered) this.#state.setDouble(slot, SLOT.READY_SINCE, this.#state.core.now())
    this.#state.set(slot, SLOT.HEALTH, result.health)
    this.#state.set(slot, SLOT.CHECK_RUN, result.run)
    this.#state.setFloat(slot, SLOT.HEALTH_SCORE, result.score)
    if (result.ok) this.#ejection.checkPassed(member)
    if (!result.changed) return
    this.#state.touchFilter(this.index)
    this.#tell(member, result.health === HEALTH.UNHEALTHY ? 'unhealthy' : 'healthy', why)
  }

  /** Something that policies look at was changed in an endpoint's slot. */
  adjusted(member: Member, why: string): void {
    this.#state.touchFilter(this.index)
    this.#tell(member, 'set', why)
  }

  /** Requests in flight from all threads to the endpoints that it has now. */
  get inFlight(): number {
    return this.#roster.inFlight
  }

  /** Lets every endpoint go, for a service that leaves the configuration. */
  close(): void {
    this.configure({ base: { ...this.#base, endpoints: [] }, places: [] }, undefined)
    this.#closed = true
    this.#ejection.stop()
    this.#stalls.stop()
    this.#warmUp.stop()
    this.#policy.close()
    this.#host.departures.close(this.index, this.#host.version())
  }

  /** Sees to the ejections that other threads have made; the leader knocks where nobody could connect. */
  watchEjections(): void {
    this.#ejection.watch()
  }

  stop(): void {
    this.#ejection.stop()
    this.#stalls.stop()
    this.#warmUp.stop()
    this.#policy.close()
  }

  stats(): ServiceStats {
    const { members, leaving } = this.#roster
    return serviceStats(this.#state, {
      index: this.index,
      endpoints: members.map(({ slot, endpoint: { id, url, weight, zone, region } }) => {
        const connections = this.countConnections?.(url) ?? NO_CONNECTIONS
        return { id, slot, weight, zone, region, state: stateOf(this.#state, slot), connections }
      }),
      leaving: [...leaving],
      gone: new Totals().addSlot(this.#state, this.#state.claims.goneSlot(this.index)),
      panic: this.#currentView().whole.panic,
      retriesAvailable: this.#budget.available,
    })
  }

  /** What `util.inspect` shows. */
  get facts(): ServiceFacts {
    const endpoints = this.#roster.members.map(({ slot, endpoint: { id } }) => {
      return { id, state: stateOf(this.#state, slot), inFlight: this.#state.get(slot, SLOT.IN_FLIGHT) }
    })
    return { name: this.name, policy: this.#options.policy.name, endpoints }
  }

  [INSPECT](...how: HowToInspect): string {
    return describeService(this.facts, how)
  }

  #left(member: Member): void {
    this.#ejection.forget(member.slot)
    this.#policy.forget(member.endpoint.id)
    this.#host.listener(
      this,
      member,
      'removed',
      'drain',
      'it left the service; its requests in flight finish',
    )
  }

  #inFlight({ slot }: Member): number {
    return this.#state.peek(slot, SLOT.IN_FLIGHT)
  }

  #tell(member: Member, change: EndpointChange, why: string): void {
    this.#host.listener(this, member, change, stateOf(this.#state, member.slot), why)
  }
}

function slotSettings({ policy, limits }: ResolvedService): SlotSettings {
  const peak = latencyKind(policy) === 'peak'
  return {
    peak,
    decayMs: policy.decayMs,
    firstLatencyMs: firstLatencyMs(policy),
    limit: limits.perEndpoint.maxRequests,
  }
}

/** Active checks notice the end of an outage themselves. */
function ejectionOptions({ outlier = EJECTION_OFF, health }: ResolvedService): EjectionOptions {
  return health === undefined ? outlier : { ...outlier, reconnectMs: 0 }
}

const indexOf = (endpoints: readonly Endpoint[], id: string): number =>
  endpoints.findIndex((endpoint) => endpoint.id === id)

function noSubset(subset: PickOptions['subset']): string {
  const asked =
    subset === undefined
      ? 'the request names no `subset`'
      : `no endpoint is in the subset ${JSON.stringify(subset)}`
  return `${asked}, and \`subsets.fallback\` has none either`
}

function codeOf<T extends string>(
  words: readonly T[],
  word: T | undefined,
  what: string,
): number | undefined {
  if (word === undefined) return undefined
  const code = words.indexOf(word)
  if (code < 0) throw new ArgumentError(`${what} is "${String(word)}"; it takes one of ${words.join(', ')}`)
  return code
}
