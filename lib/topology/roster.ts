import type { Place } from '../engine/claims.js'
import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { ArgumentError, UnknownEndpointError } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import { sameData } from '../options/same.js'
import { givenTo } from '../runtime/dispatchers.js'
import { admit, configure, type Member, type SlotSettings } from './member.js'
import { MemberIndex } from './member-index.js'
import { MemberWalk } from './member-walk.js'
import type { RetiredSlots } from './retired-slots.js'

export interface RosterChange {
  readonly added: readonly Member[]
  readonly changed: readonly Member[]
  readonly removed: readonly Member[]
}

/** Where a list of endpoints is to be. */
export interface Placement {
  /** Of those that have no slot yet: claimed, and to be published or dropped. */
  readonly fresh: ReadonlyMap<string, Place>
  /** Of all, in their order. */
  places(): readonly Place[]
}

/**
 * Who belongs to a service. The list is immutable and swapped whole; endpoints that stay keep slot and history, those
 * that go keep their slot until their last request has ended.
 */
export class Roster {
  readonly #state: SharedState
  readonly #service: number
  readonly #retired: RetiredSlots
  #members: readonly Member[] = []
  readonly #index = new MemberIndex()
  readonly #bySlot: (Member | undefined)[]

  /**
   * `bySlot` is one list for all services of the balancer: slots are numbered over all of them, and a dense array is the
   * quickest way from a slot to its member.
   */
  constructor(state: SharedState, service: number, bySlot: (Member | undefined)[], retired: RetiredSlots) {
    this.#state = state
    this.#service = service
    this.#bySlot = bySlot
    this.#retired = retired
  }

  get members(): readonly Member[] {
    return this.#members
  }

  /** Those that have left the service, and still have requests in flight. */
  get leaving(): Iterable<number> {
    return this.#retired.slotsOf(this.#service)
  }

  at(slot: number): Member {
    return this.#bySlot[slot] as Member
  }

  /** Requests in flight from all threads to the members. */
  get inFlight(): number {
    let sum = 0
    for (const { slot } of this.#members) sum += this.#state.get(slot, SLOT.IN_FLIGHT)
    return sum
  }

  find(serviceName: string, id: string): Member {
    const member = this.#index.find(id)
    if (member !== undefined) return member
    const known = this.#members.map(({ endpoint }) => endpoint.id)
    throw new UnknownEndpointError(serviceName, id, known)
  }

  /** Slots for other endpoints than now: survivors keep theirs, new ones get one that is set up. Nothing changes yet. */
  place(endpoints: readonly Endpoint[], settings: SlotSettings): Placement {
    const fresh = new Map<string, Place>()
    const walk = new MemberWalk(this.#members, this.#index)
    try {
      for (const endpoint of endpoints) {
        if (walk.memberOf(endpoint) === undefined)
          fresh.set(endpoint.id, placeOf(admit(this.#state, this.#service, endpoint, settings)))
      }
    } catch (error) {
      for (const { slot } of fresh.values()) this.#state.claims.dropSlot(slot)
      throw error
    }
    const known = (id: string): Place => placeOf(this.#index.find(id) as Member)
    return { fresh, places: () => endpoints.map(({ id }) => fresh.get(id) ?? known(id)) }
  }

  /** Where the members are, in their order. */
  get places(): readonly Place[] {
    return this.#members.map(placeOf)
  }

  /**
   * Becomes `endpoints`, in those places, which may be the slots of others by now where the change is an old one. `since`
   * is the version of the configuration that says so.
   */
  replace(endpoints: readonly Endpoint[], places: readonly Place[], since: number): RosterChange {
    const added: Member[] = []
    const changed: Member[] = []
    const before = new Set(this.#members)
    this.#members = endpoints.map((endpoint, i) => {
      const fresh: Member = { endpoint, ...places[i], service: this.#service }
      const member = this.#bySlot[fresh.slot]
      if (member === undefined || member.generation !== fresh.generation || !before.delete(member)) {
        this.#bySlot[fresh.slot] = fresh
        added.push(fresh)
        return fresh
      }
      // The same object as before where it says the same: retries tell endpoints apart by it.
      if (member.endpoint !== endpoint && !saysTheSame(member.endpoint, endpoint)) {
        member.endpoint = endpoint
        changed.push(member)
      }
      return member
    })
    this.#index.replace(this.#members)
    for (const member of before) this.#retired.add(member, since)
    return { added, changed, removed: [...before] }
  }

  /**
   * Becomes `endpoints`, of which those that are no members yet have their places in `fresh`: as `replace`, without a look at what
   * stays as it is.
   */
  update(endpoints: readonly Endpoint[], fresh: ReadonlyMap<string, Place>, since: number): RosterChange {
    const before = this.#members
    const walk = new MemberWalk(before, this.#index)
    const members: Member[] = []
    const added: Member[] = []
    const changed: Member[] = []
    for (const endpoint of endpoints) {
      const place = fresh.size === 0 ? undefined : fresh.get(endpoint.id)
      let member = place === undefined ? walk.memberOf(endpoint) : undefined
      if (place !== undefined) {
        member = { endpoint, ...place, service: this.#service }
        this.#bySlot[place.slot] = member
        added.push(member)
      }
      // Only damaged memory names one that has no place.
      if (member === undefined) continue
      if (member.endpoint !== endpoint && !saysTheSame(member.endpoint, endpoint)) {
        member.endpoint = endpoint
        changed.push(member)
      }
      members.push(member)
    }
    const removed = added.length === members.length - before.length ? [] : leftOut(before, members)
    for (const member of removed) {
      this.#index.remove(member)
      this.#retired.add(member, since)
    }
    for (const member of added) this.#index.add(member)
    this.#members = members
    return { added, changed, removed }
  }

  /** Throws `ArgumentError` where an endpoint of this id or address is there already. */
  refuseTwin(serviceName: string, endpoint: Endpoint): void {
    const twin = this.#index.twinOf(endpoint)
    if (twin === undefined) return
    throw new ArgumentError(
      `service "${serviceName}" already has endpoint "${twin.endpoint.id}" at ${twin.endpoint.url}; set() changes it, remove() takes it out`,
    )
  }

  add(endpoint: Endpoint, place: Place): Member {
    const member: Member = { endpoint, ...place, service: this.#service }
    this.#bySlot[place.slot] = member
    this.#members = this.#members.concat(member)
    this.#index.add(member)
    return member
  }

  remove(member: Member, since: number): void {
    this.#members = this.#members.toSpliced(this.#members.indexOf(member), 1)
    this.#index.remove(member)
    this.#retired.add(member, since)
  }

  /** Writes into the slots of some members what the configuration says of them. */
  configureSome(members: readonly Member[], settings: SlotSettings): void {
    for (const member of members) configure(this.#state, member, settings)
  }

  /** Writes into the members' slots what the configuration says of them. */
  configure(settings: SlotSettings): void {
    for (const member of this.#members) configure(this.#state, member, settings)
  }
}

const saysTheSame = (one: Endpoint, other: Endpoint): boolean =>
  givenTo(one) === givenTo(other) && sameData(one, other)

/** Those of `before` that are not among `members`, told by their slots. */
function leftOut(before: readonly Member[], members: readonly Member[]): Member[] {
  let top = 0
  for (const { slot } of before) if (slot > top) top = slot
  const marks = new Uint8Array(top + 1)
  for (const { slot } of members) marks[slot] = 1
  return before.filter((member) => marks[member.slot] === 0)
}

/** Nothing else of a member. */
const placeOf = ({ slot, generation }: Place): Place => ({ slot, generation })
