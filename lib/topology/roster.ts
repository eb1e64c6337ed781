import type { Place } from '../engine/claims.js'
import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { ArgumentError, HandleError, UnknownEndpointError } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import { sameData } from '../options/same.js'
import { givenTo } from '../runtime/dispatchers.js'
import { differenceOf, isStretch, newIn } from './list-difference.js'
import { admit, configure, type Member, type SlotSettings } from './member.js'
import { MemberIndex } from './member-index.js'
import type { RetiredSlots } from './retired-slots.js'

export interface RosterChange {
  readonly added: readonly Member[]
  readonly changed: readonly Member[]
  readonly removed: readonly Member[]
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
  /** What the members were given as, in the same order: the next list is told from it object by object. */
  #listed: readonly Endpoint[] = []
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

  endpointOf(id: string): Endpoint | undefined {
    return this.#index.find(id)?.endpoint
  }

  find(serviceName: string, id: string): Member {
    const member = this.#index.find(id)
    if (member !== undefined) return member
    const known = this.#members.map(({ endpoint }) => endpoint.id)
    throw new UnknownEndpointError(serviceName, id, known)
  }

  /**
   * Slots for those of the endpoints that are no members, by their ids: set up, claimed, and to be published or dropped. Nothing
   * changes yet.
   */
  place(endpoints: readonly Endpoint[], settings: SlotSettings): ReadonlyMap<string, Place> {
    const fresh = new Map<string, Place>()
    try {
      for (const endpoint of newIn(differenceOf(this.#listed, endpoints))) {
        if (this.#memberOf(endpoint) === undefined)
          fresh.set(endpoint.id, placeOf(admit(this.#state, this.#service, endpoint, settings)))
      }
    } catch (error) {
      for (const { slot } of fresh.values()) this.#state.claims.dropSlot(slot)
      throw error
    }
    return fresh
  }

  /** Two endpoints of one id are the same node as long as they have the same address. */
  #memberOf({ id, url }: Endpoint): Member | undefined {
    const member = this.#index.find(id)
    return member?.endpoint.url === url ? member : undefined
  }

  /** Where the endpoints of a list are, in its order: members, or in `fresh`. */
  placesOf(endpoints: readonly Endpoint[], fresh: ReadonlyMap<string, Place>): readonly Place[] {
    return endpoints.map((endpoint) => fresh.get(endpoint.id) ?? placeOf(this.#memberOf(endpoint) as Member))
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
    this.#listed = endpoints
    this.#index.replace(this.#members)
    for (const member of before) this.#retired.add(member, since)
    return { added, changed, removed: [...before] }
  }

  /**
   * Becomes `endpoints`, without a look at what stays as it is. Places of those that are no members yet are in `fresh`.
   * @throws HandleError before anything has changed, where one has no place
   */
  update(endpoints: readonly Endpoint[], fresh: ReadonlyMap<string, Place>, since: number): RosterChange {
    const before = this.#members
    const difference = differenceOf(this.#listed, endpoints)
    const isLeft = new Uint8Array(before.length)
    const members = new Array<Member>(endpoints.length)
    const added: Member[] = []
    const said: [Member, Endpoint][] = []
    let at = 0
    for (const part of difference) {
      if (isStretch(part)) {
        const [from, count] = part
        isLeft.fill(1, from, from + count)
        for (let i = from; i < from + count; i++) members[at++] = before[i]
        continue
      }
      const place = fresh.get(part.id)
      const member =
        place === undefined ? this.#memberOf(part) : { endpoint: part, ...place, service: this.#service }
      if (member === undefined) throw new HandleError(`Endpoint "${part.id}" of a shared change has no place`)
      if (place === undefined) said.push([member, part])
      else added.push(member)
      members[at++] = member
    }
    const stay = new Set(said.map(([member]) => member))
    const removed = before.filter((member, i) => isLeft[i] === 0 && !stay.has(member))
    for (const member of removed) {
      this.#index.remove(member)
      this.#retired.add(member, since)
    }
    for (const member of added) {
      this.#bySlot[member.slot] = member
      this.#index.add(member)
    }
    this.#members = members
    this.#listed = endpoints
    return { added, changed: said.filter(says).map(([member]) => member), removed }
  }

  /** Throws `ArgumentError` where an endpoint of this id or address is there already. */
  refuseTwin(serviceName: string, endpoint: Endpoint): void {
    const twin = this.#index.twinOf(endpoint)
    if (twin === undefined) return
    throw new ArgumentError(
      `service "${serviceName}" already has endpoint "${twin.endpoint.id}" at ${twin.endpoint.url}; set() changes it, remove() takes it out`,
    )
  }

  /** The member's endpoint says something else from now on. */
  say(member: Member, endpoint: Endpoint): void {
    member.endpoint = endpoint
    this.#listed = this.#listed.with(this.#members.indexOf(member), endpoint)
  }

  remove(member: Member, since: number): void {
    const at = this.#members.indexOf(member)
    this.#members = this.#members.toSpliced(at, 1)
    this.#listed = this.#listed.toSpliced(at, 1)
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

/** Has the member say what its endpoint says now; false where it says that already. Then its object stays: retries tell by it. */
function says([member, endpoint]: readonly [Member, Endpoint]): boolean {
  if (member.endpoint === endpoint || saysTheSame(member.endpoint, endpoint)) return false
  member.endpoint = endpoint
  return true
}

/** Nothing else of a member. */
const placeOf = ({ slot, generation }: Place): Place => ({ slot, generation })
