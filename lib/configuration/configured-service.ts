import type { Place } from '../engine/claims.js'
import type { SharedState } from '../engine/state.js'
import type { Endpoint } from '../model/index.js'
import { firstLatencyMs, latencyKind } from '../policy/index.js'
import type { Found } from '../sources/found.js'
import { differenceOf, patched } from '../topology/list-difference.js'
import { admit, type Member, type SlotSettings } from '../topology/member.js'
import type { RetiredSlots } from '../topology/retired-slots.js'
import { Roster } from '../topology/roster.js'
import type { Change, FreshPlace, PlacedService } from './change.js'
import { foundBy, withEndpoints, withFound } from './found.js'
import type { ResolvedRule } from './rule.js'
import { applyRule } from './rules/apply.js'
import type { ResolvedService } from './service.js'

/** What a change of the configuration did to the endpoints of a service. */
export interface EndpointDiff {
  readonly added: readonly Member[]
  readonly changed: readonly Member[]
  readonly removed: readonly Member[]
}

/** Whether no endpoint came, left or says something else, but for its weight. */
export const changesNothing = ({ added, changed, removed }: EndpointDiff): boolean =>
  added.length + changed.length + removed.length === 0

/** A change of one service, and the slots that were claimed for it. */
export interface ServicePlan {
  readonly change: Change
  readonly slots: readonly number[]
}

/** A change of a service's endpoints. */
export type EndpointChange = Extract<
  Change,
  { kind: 'add' | 'remove' | 'weigh' | 'found' | 'found-difference' }
>

/** Where configured endpoints find their slots. */
export interface Placing {
  readonly state: SharedState
  /** Of all services, by slot. */
  readonly bySlot: (Member | undefined)[]
  readonly retired: RetiredSlots
}

type Edit = (endpoints: readonly Endpoint[]) => readonly Endpoint[]

/** A list of which a larger share is another is told whole. */
const MOST_DIFFERENT = 0.5

const NOTHING: EndpointDiff = { added: [], changed: [], removed: [] }

/** One service as this thread has it configured: its options, before and after its rule, and its endpoints with their slots. */
export class ConfiguredService {
  readonly name: string
  /** Of its record in shared memory. */
  readonly index: number
  readonly #state: SharedState
  readonly #roster: Roster
  #base: ResolvedService
  #rule: ResolvedRule | undefined
  #options: ResolvedService

  /** Has no endpoints until `configure`. */
  constructor(placing: Placing, index: number, base: ResolvedService, rule: ResolvedRule | undefined) {
    this.name = base.name
    this.index = index
    this.#state = placing.state
    this.#base = base
    this.#rule = rule
    this.#options = applyRule(base, rule)
    this.#roster = new Roster(placing.state, index, placing.bySlot, placing.retired)
  }

  /** As in force: the rule applied. */
  get options(): ResolvedService {
    return this.#options
  }

  /** As configured, before any rule. */
  get base(): ResolvedService {
    return this.#base
  }

  get members(): readonly Member[] {
    return this.#roster.members
  }

  /** Slots of endpoints that have left and still have requests in flight. */
  get leaving(): Iterable<number> {
    return this.#roster.leaving
  }

  /** Requests in flight from all threads to the endpoints that it has now. */
  get inFlight(): number {
    return this.#roster.inFlight
  }

  at(slot: number): Member {
    return this.#roster.at(slot)
  }

  /** @throws UnknownEndpointError */
  find(id: string): Member {
    return this.#roster.find(this.name, id)
  }

  /** The endpoint of that id that is in force. */
  endpointOf(id: string): Endpoint | undefined {
    return this.#roster.endpointOf(id)
  }

  /** As it is now, for other threads to take over. */
  get placed(): PlacedService {
    return { name: this.name, index: this.index, base: this.#base, places: this.#roster.places }
  }

  /**
   * Where the endpoints of a validated configuration would be: those that stay keep their slot, new ones get one that is
   * set up. Nothing changes yet.
   * @throws ConfigError where shared memory has no slot left
   */
  place(
    base: ResolvedService,
    rule: ResolvedRule | undefined,
  ): { service: PlacedService; fresh: readonly number[] } {
    const options = applyRule(base, rule)
    const fresh = this.#roster.place(options.endpoints, slotSettings(options))
    const places = this.#roster.placesOf(options.endpoints, fresh)
    return { service: { name: this.name, index: this.index, base, places }, fresh: slotsOf(fresh) }
  }

  planAdd(endpoint: Endpoint): ServicePlan {
    this.#roster.refuseTwin(this.name, endpoint)
    if (this.#rule !== undefined) {
      const base = withEndpoints(this.#base, { given: [...this.#base.given, endpoint] })
      const { service, fresh } = this.place(base, this.#rule)
      return { change: { kind: 'service', service }, slots: fresh }
    }
    const { slot, generation } = admit(this.#state, this.index, endpoint, slotSettings(this.#options))
    const place = { slot, generation }
    return { change: { kind: 'add', service: this.index, endpoint, place }, slots: [slot] }
  }

  /** @throws UnknownEndpointError */
  planRemove(id: string): ServicePlan {
    this.find(id)
    return { change: { kind: 'remove', service: this.index, id }, slots: [] }
  }

  /** `weigh` makes the endpoint with its new weight from the one that is there. */
  planWeigh(id: string, weigh: (before: Endpoint) => Endpoint): ServicePlan {
    const endpoint = weigh(this.find(id).endpoint)
    return { change: { kind: 'weigh', service: this.index, endpoint }, slots: [] }
  }

  /** A source has found other endpoints than before: told by what is another, where that is less than half. */
  planFound(found: Found): ServicePlan {
    const { endpoints } = applyRule(withFound(this.#base, found), this.#rule)
    const fresh = this.#roster.place(endpoints, slotSettings(this.#options))
    const difference = differenceOf(foundBy(this.#base, found.key), found.endpoints)
    const common = { service: this.index, key: found.key }
    const change: Change =
      difference.length > found.endpoints.length * MOST_DIFFERENT
        ? { kind: 'found', service: this.index, found, places: this.#roster.placesOf(endpoints, fresh) }
        : { kind: 'found-difference', ...common, difference, fresh: freshPlaces(fresh) }
    return { change, slots: slotsOf(fresh) }
  }

  /** Takes over a configuration that `place` has made here or in another thread. `version` is the one that says so. */
  configure(
    { base, places }: Pick<PlacedService, 'base' | 'places'>,
    rule: ResolvedRule | undefined,
    version: number,
  ): EndpointDiff {
    this.#base = base
    this.#rule = rule
    this.#options = applyRule(base, rule)
    return this.#roster.replace(this.#options.endpoints, places, version)
  }

  /** Lets every endpoint go. */
  clear(version: number): EndpointDiff {
    const base = withEndpoints(this.#base, { given: [], found: [] })
    return this.configure({ base, places: [] }, undefined, version)
  }

  /** Takes over a change of endpoints, from here or from another thread. */
  adopt(change: EndpointChange, version: number): EndpointDiff {
    if (change.kind === 'found')
      return this.configure(
        { base: withFound(this.#base, change.found), places: change.places },
        this.#rule,
        version,
      )
    if (change.kind === 'found-difference') return this.#adoptDifference(change, version)
    if (change.kind === 'add') {
      this.#add(change.endpoint)
      const place = new Map([[change.endpoint.id, change.place]])
      return this.#roster.update(this.#options.endpoints, place, version)
    }
    const id = change.kind === 'remove' ? change.id : change.endpoint.id
    const member = this.find(id)
    if (change.kind === 'remove') {
      this.#edit((endpoints) => endpoints.filter((endpoint) => endpoint.id !== id))
      this.#roster.remove(member, version)
      return { ...NOTHING, removed: [member] }
    }
    this.#edit((endpoints) => endpoints.map((endpoint) => (endpoint.id === id ? change.endpoint : endpoint)))
    this.#roster.say(member, change.endpoint)
    return NOTHING
  }

  #adoptDifference(
    { key, difference, fresh }: Extract<Change, { kind: 'found-difference' }>,
    version: number,
  ): EndpointDiff {
    const base = withFound(this.#base, { key, endpoints: patched(foundBy(this.#base, key), difference) })
    const options = applyRule(base, this.#rule)
    const places = new Map(fresh.map(({ id, place }) => [id, place]))
    const diff = this.#roster.update(options.endpoints, places, version)
    this.#base = base
    this.#options = options
    return diff
  }

  /** As `writeSettings`, of some of the endpoints. */
  writeSettingsOf(members: readonly Member[]): void {
    this.#roster.configureSome(members, slotSettings(this.#options))
  }

  /** Writes into the endpoints' slots what the configuration says of them. For the thread that has made the change. */
  writeSettings(): void {
    this.#roster.configure(slotSettings(this.#options))
  }

  #add(endpoint: Endpoint): void {
    const { given } = this.#base
    const base = withEndpoints(this.#base, { given: given.concat(endpoint) })
    this.#base = base
    this.#options = applyRule(base, this.#rule)
  }

  /** Of what a source has found, too, until it answers again. */
  #edit(edit: Edit): void {
    const { endpoints, given, found } = this.#base
    const base: ResolvedService = {
      ...this.#base,
      endpoints: edit(endpoints),
      given: edit(given),
      found: found.map((one) => ({ ...one, endpoints: edit(one.endpoints) })),
    }
    this.#setBase(base, edit)
  }

  /** `edit`: the same, of the endpoints that the rule has left. */
  #setBase(base: ResolvedService, edit: Edit): void {
    this.#options =
      this.#rule === undefined ? base : { ...this.#options, endpoints: edit(this.#options.endpoints) }
    this.#base = base
  }
}

const slotsOf = (fresh: ReadonlyMap<string, Place>): number[] =>
  Array.from(fresh.values(), ({ slot }) => slot)

const freshPlaces = (fresh: ReadonlyMap<string, Place>): FreshPlace[] =>
  Array.from(fresh, ([id, place]) => ({ id, place }))

function slotSettings({ policy, limits }: ResolvedService): SlotSettings {
  const peak = latencyKind(policy) === 'peak'
  return {
    peak,
    decayMs: policy.decayMs,
    firstLatencyMs: firstLatencyMs(policy),
    limit: limits.perEndpoint.maxRequests,
    adaptive: limits.perEndpoint.adaptive,
  }
}
