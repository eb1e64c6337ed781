import { SlotCounters } from '../admission/connection-counts.js'
import { ThreadWaits } from '../admission/thread-waits.js'
import { type Change, decodeChange, encodeChange } from '../configuration/change.js'
import { type Adopted, Configuration, type Plan } from '../configuration/configuration.js'
import { changesNothing, type ServicePlan } from '../configuration/configured-service.js'
import type { ResolvedRule } from '../configuration/rule.js'
import type { ResolvedService } from '../configuration/service.js'
import { HEADER } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { FairleadError, HandleError, StoppedError } from '../errors.js'
import { releaseProbe } from '../health/passive/ejection.js'
import type { SourceNews } from '../observe/source-news.js'
import { reasonOf } from '../runtime/foreign.js'
import type { Timers } from '../runtime/timers.js'
import type { SharedMemory } from '../shared/handle.js'
import { Sharing, type ThreadEvents } from '../shared/sharing.js'
import type { Member } from '../topology/member.js'
import { RetiredSlots } from '../topology/retired-slots.js'
import type { ConnectionNews } from './connection-limits.js'
import { ControlLoops } from './control-loops.js'
import { type EndpointChanged, type ServicePlaces, ServiceRuntime } from './service-runtime.js'
import type { SourceChanged } from './service-sources.js'

/** What changes of the configuration, of checks and of requests did, in the order in which it is to be told. */
export type BalancerChange =
  | EndpointChanged
  | SourceChanged
  /** Services or rules are others now. */
  | { readonly kind: 'configured' }
  /** A service has left the configuration. */
  | { readonly kind: 'left'; readonly service: ServiceRuntime }

/**
 * The services of a balancer at work in this thread, and the way of a change: planned on the newest configuration,
 * published, and taken over here as in every other thread.
 */
export class Services {
  readonly #state: SharedState
  readonly #timers: Timers
  #tell: (changes: readonly BalancerChange[]) => void = () => {}
  readonly #onStopped: () => void
  readonly #places: ServicePlaces
  readonly #waits: ThreadWaits
  readonly #counters: SlotCounters
  readonly #retired: RetiredSlots
  readonly #configuration: Configuration
  readonly #loops: ControlLoops
  readonly #byName = new Map<string, ServiceRuntime>()
  readonly #byIndex = new Map<number, ServiceRuntime>()
  /** Services whose endpoints or limits may have more room, until those who wait were told. */
  readonly #changed: ServiceRuntime[] = []
  #sharing: Sharing | undefined

  /** `onStopped`: another thread has stopped the balancer. */
  constructor(state: SharedState, timers: Timers, places: ServicePlaces, onStopped: () => void) {
    const bySlot: (Member | undefined)[] = []
    this.#state = state
    this.#timers = timers
    this.#onStopped = onStopped
    this.#places = places
    this.#waits = new ThreadWaits(state)
    this.#counters = new SlotCounters(state)
    this.#retired = new RetiredSlots(state, bySlot, (version) => this.#sharing?.isSeen(version) ?? true)
    this.#configuration = new Configuration({ state, bySlot, retired: this.#retired })
    this.#loops = new ControlLoops(state, timers, {
      leads: () => this.leads,
      change: (plan) => this.change(plan),
      observe: (change) => this.#tell([change]),
      publish: (news) => this.#sharing?.tellOfSources(news),
    })
  }

  /** Has `tell` told of every change from now on, after it was taken over. */
  listen(tell: (changes: readonly BalancerChange[]) => void): void {
    this.#tell = tell
  }

  /** The service of that name as this thread knows it. */
  get(name: string): ServiceRuntime | undefined {
    return this.#byName.get(name)
  }

  get names(): string[] {
    return [...this.#byName.keys()]
  }

  [Symbol.iterator](): Iterator<ServiceRuntime> {
    return this.#byName.values()
  }

  get rules(): readonly ResolvedRule[] {
    return this.#configuration.rules
  }

  /** Endpoints that have left, while their requests in flight finish. */
  get retired(): RetiredSlots {
    return this.#retired
  }

  get loops(): ControlLoops {
    return this.#loops
  }

  get sharing(): Sharing | undefined {
    return this.#sharing
  }

  /** Whether this thread runs the control loops: the only one does, and one of several that share a balancer. */
  get leads(): boolean {
    return this.#sharing?.leads ?? true
  }

  // The way of a change.

  /** The first configuration. */
  begin(services: ReadonlyMap<string, ResolvedService>, rules: readonly ResolvedRule[]): void {
    this.#make(this.#configuration.plan(services, rules))
  }

  /** Replaces the whole configuration, which was validated. */
  replace(services: ReadonlyMap<string, ResolvedService>, rules: readonly ResolvedRule[]): void {
    this.#commit(() => this.#configuration.plan(services, rules))
  }

  /** Replaces the rules by what `edit` makes of them. Throws what `edit` throws. */
  replaceRules(
    edit: (rules: readonly ResolvedRule[], services: Iterable<ResolvedService>) => readonly ResolvedRule[],
  ): void {
    this.#commit(() => {
      const { bases, rules } = this.#configuration
      return this.#configuration.plan(bases, edit(rules, bases.values()))
    })
  }

  /** Changes one service, as `plan` works it out on the newest configuration. Throws what `plan` throws. */
  change(plan: () => ServicePlan): void {
    this.#commit(() => ({ ...plan(), services: [] }))
  }

  #commit(plan: () => Plan): void {
    for (;;) {
      this.refuseStopped()
      this.catchUp()
      const changes = this.#make(plan())
      if (changes === undefined) continue
      this.#settle(changes)
      return
    }
  }

  /** Throws `StoppedError` where the balancer has stopped: its slots may be others' by now. */
  refuseStopped(): void {
    if (this.#state.detached || this.#isStopped) throw new StoppedError()
  }

  /** Undefined where another thread was first. Else what is to be told. */
  #make(plan: Plan): BalancerChange[] | undefined {
    const { change } = plan
    if (!this.#publish(plan)) return undefined
    this.#configuration.keep(plan)
    const adopted = this.#configuration.adopt(change, this.#version)
    const changes = this.#take(adopted)
    this.#writeSettings(plan, adopted)
    this.#sharing?.announce()
    // What this thread has just written may be older than what another has written since.
    const others = this.#takeOthers()
    if (others !== undefined) for (const service of this) service.writeSettings()
    return others === undefined ? changes : changes.concat(others)
  }

  #publish(plan: Plan): boolean {
    const sharing = this.#sharing
    if (sharing === undefined) return true
    let published = false
    try {
      const isWhole = plan.change.kind === 'all'
      published = sharing.publish(encodeChange(plan.change), isWhole, () => this.#whole)
    } finally {
      if (!published) this.#configuration.giveBack(plan)
    }
    return published
  }

  /** Only the thread that makes a change writes it into the slots. */
  #writeSettings({ change }: Plan, adopted: readonly Adopted[]): void {
    if (change.kind === 'all') for (const service of this) service.writeSettings()
    else if (change.kind === 'service') this.#byIndex.get(change.service.index)?.writeSettings()
    else if (change.kind === 'found') this.#byIndex.get(change.service)?.writeSettings()
    else if (change.kind === 'found-difference') {
      for (const one of adopted)
        if (one.kind === 'endpoints') this.#byIndex.get(change.service)?.writeSettingsOf(one.diff)
    } else if (change.kind === 'weigh') this.#byIndex.get(change.service)?.writeWeight(change.endpoint.id)
    else this.#state.touchFilter(change.service)
  }

  /** Takes over what other threads have changed; true where there was something. */
  catchUp(): boolean {
    const changes = this.#takeOthers()
    if (changes === undefined) return false
    this.#settle(changes)
    return true
  }

  #takeOthers(): BalancerChange[] | undefined {
    const sharing = this.#sharing
    if (sharing === undefined || !sharing.isBehind) return undefined
    const read = sharing.read((record) => decodeChange(record, this.#state.room))
    if (sharing.isUnreadable) return undefined
    // The configuration first, whole: policies of the user's own, which run below, may use the balancer.
    const adopted = read.map((change) => this.#adoptRead(change))
    const changes = this.#take(adopted.flat())
    sharing.acknowledge()
    return changes
  }

  /** A change that names what this thread does not have was damaged; the next whole configuration mends it. */
  #adoptRead(change: Change): Adopted[] {
    try {
      return this.#configuration.adoptRead(change, this.#version)
    } catch (error) {
      process.emitWarning(
        `A change of the configuration that this balancer's threads share cannot be taken over: ${reasonOf(error)}`,
        { code: 'FAIRLEAD_HANDLE' },
      )
      return []
    }
  }

  /** Has the services at work follow the configuration. Returns what is to be told. */
  #take(adopted: readonly Adopted[]): BalancerChange[] {
    const changes: BalancerChange[] = []
    for (const one of adopted) {
      switch (one.kind) {
        case 'opened':
          this.#open(new ServiceRuntime(this.#parts, one.service))
          break
        case 'configured':
        case 'endpoints': {
          const service = this.#byIndex.get(one.service.index)
          // A later change of the same batch may have closed it, and its record may be another service's.
          if (service?.configured !== one.service) break
          const keepsOptions = one.kind === 'endpoints'
          const told = keepsOptions
            ? service.replaceEndpoints(one.diff, one.how)
            : service.configure(one.diff, one.how)
          changes.push(...told)
          this.#changed.push(service)
          for (const { endpoint } of one.diff.removed) this.#loops.forget(service, endpoint.id)
          if (keepsOptions && !changesNothing(one.diff)) this.#loops.follow(service, one.diff)
          else this.#loops.configure(service)
          break
        }
        case 'closed':
          changes.push(...this.#close(one))
          break
        case 'replaced':
          this.#loops.update()
          changes.push({ kind: 'configured' })
      }
    }
    return changes
  }

  get #parts() {
    return {
      state: this.#state,
      retired: this.#retired,
      places: this.#places,
      waits: this.#waits,
      counters: this.#counters,
      connectionNews: this.#connectionNews,
      timers: this.#timers,
      leads: () => this.leads,
      observe: this.#observe,
    }
  }

  #open(service: ServiceRuntime): void {
    this.#byName.set(service.name, service)
    this.#byIndex.set(service.index, service)
    this.#loops.add(service)
  }

  #close({ service: configured, diff }: Extract<Adopted, { kind: 'closed' }>): BalancerChange[] {
    const { name, index } = configured
    const service = this.#byIndex.get(index)
    if (service?.configured !== configured) return []
    if (this.#byName.get(name) === service) this.#byName.delete(name)
    this.#byIndex.delete(index)
    this.#loops.remove(service)
    return [...service.close(diff), { kind: 'left', service }]
  }

  /** A change was taken over: slots may be free now, and what happened is told. */
  #settle(changes: readonly BalancerChange[]): void {
    this.#retired.sweep()
    for (const { admission } of this.#changed.splice(0)) if (admission.isWaitedFor) admission.offer()
    this.#tell(changes)
  }

  /** What requests, checks, timers and operators have changed. */
  readonly #observe = (change: EndpointChanged): void => {
    const { service, type } = change
    if (type === 'set') this.#loops.configure(service)
    if (type === 'set' || type === 'ejected') this.#sharing?.askLeaderToInspect(service.index)
    if (service.admission.isWaitedFor) service.admission.offer()
    this.#tell([change])
  }

  readonly #connectionNews = (service: number): ConnectionNews => ({
    wanted: (slot) => this.#sharing?.tellOfConnections({ kind: 'connection-wanted', service, slot }),
    freed: () => this.#sharing?.tellOfConnections({ kind: 'connection-freed', service }),
  })

  get #isStopped(): boolean {
    return Atomics.load(this.#state.root, HEADER.STOPPED) === 1
  }

  get #version(): number {
    return this.#sharing?.version ?? 0
  }

  get #whole(): Uint8Array {
    return encodeChange(this.#configuration.whole)
  }

  // Over threads.

  /** Shares the balancer, and returns the memory that other threads are to have. */
  share(): SharedMemory {
    const memory = Sharing.memoryFor(this.#state)
    this.#sharing = new Sharing(this.#state, memory, this.#threadEvents, this.#timers)
    this.#sharing.start(this.#whole)
    return memory
  }

  /**
   * Joins the threads that share the balancer: takes over its configuration as it is now.
   * @throws HandleError where it cannot be read
   */
  join(memory: SharedMemory): void {
    const sharing = new Sharing(this.#state, memory, this.#threadEvents, this.#timers)
    this.#sharing = sharing
    try {
      // What it finds is no change to anybody yet.
      this.#freeLeftovers(() => this.#takeOthers())
      // Version 0 is that of a thread which has read nothing; a handle comes after the first.
      if (sharing.version === 0)
        throw new HandleError('This Balancer handle is damaged: it has no configuration')
    } catch (error) {
      for (const service of this) service.stop()
      const nothing = () => {}
      sharing.detach(nothing, nothing)
      if (error instanceof FairleadError) throw error
      throw new HandleError(
        `The configuration of this Balancer handle cannot be taken over: ${String(error)}`,
      )
    }
    sharing.start()
    sharing.askForSources()
  }

  /** What the leader tells of its sources. */
  #hear(news: readonly SourceNews[]): void {
    this.catchUp()
    for (const one of news) {
      const service = this.#byIndex.get(one.service)
      if (service === undefined) continue
      this.#loops.hear(service, one)
      if (one.event !== undefined) this.#tell([{ kind: 'source', service, ...one.event }])
    }
  }

  readonly #threadEvents: ThreadEvents = {
    changed: () => {
      this.catchUp()
      this.#loops.update()
      if (this.#isStopped) this.#onStopped()
    },
    adopted: () => this.#retired.sweep(),
    unreadable: () => this.#sharing?.publishAgain(this.#whole),
    led: () => this.#loops.update(),
    inspect: (index) => {
      const service = this.#byIndex.get(index)
      if (service !== undefined) this.#loops.inspect(service)
    },
    connectionWanted: (service, slot) => this.#byIndex.get(service)?.openLimits?.closeIdle(slot),
    connectionFreed: (service) => this.#byIndex.get(service)?.openLimits?.retry(),
    ended: () => {
      this.catchUp()
      this.#sharing?.cleanUp((slot) => releaseProbe(this.#state, slot))
      // It may have ended in the middle of a change.
      for (const service of this) service.writeSettings()
      this.#freeLeftovers(() => this.catchUp())
      for (const { admission } of this) if (admission.isWaitedFor) admission.offer()
    },
    sources: (news) => this.#hear(news),
    sourcesWanted: () => this.#sharing?.tellOfSources(this.#loops.sourceNews(true)),
    beat: () => {
      if (!this.catchUp()) this.#retired.sweep()
      if (this.leads) this.#sharing?.tellOfSources(this.#loops.sourceNews(false))
    },
  }

  /** Sees to what has left, and was to be freed by threads that have ended, or by others before this one was there. */
  #freeLeftovers(catchUp: () => void): void {
    const sharing = this.#sharing as Sharing
    const isService = (index: number) => this.#configuration.isService(index)
    do catchUp()
    while (!this.#retired.adopt(isService, this.#version, () => sharing.isBehind))
  }
}
