import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { ArgumentError, UnknownEndpointError } from '../errors.js'
import type { Endpoint } from '../model.js'
import { admit, configure, type Member, type SlotSettings } from './member.js'
import { reconcile } from './reconcile.js'

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
  readonly #onFreed: (member: Member) => void
  #members: readonly Member[] = []
  readonly #bySlot: (Member | undefined)[]
  readonly #leaving = new Set<Member>()

  /**
   * `bySlot` is one list for all services of the balancer: slots are numbered over all of them, and a dense array is the
   * quickest way from a slot to its member. `onFreed` is called when an endpoint that
   * has left has nothing in flight any more, just before its slot is free.
   */
  constructor(
    state: SharedState,
    service: number,
    bySlot: (Member | undefined)[],
    onFreed: (member: Member) => void,
  ) {
    this.#state = state
    this.#service = service
    this.#bySlot = bySlot
    this.#onFreed = onFreed
  }

  get members(): readonly Member[] {
    return this.#members
  }

  /** Those that have left the service, and still have requests in flight. */
  get leaving(): Iterable<Member> {
    return this.#leaving
  }

  at(slot: number): Member {
    return this.#bySlot[slot] as Member
  }

  /** Requests in flight from all threads, on members and on those that are leaving. */
  get inFlight(): number {
    let sum = 0
    for (const { slot } of this.#members) sum += this.#state.get(slot, SLOT.IN_FLIGHT)
    for (const { slot } of this.#leaving) sum += this.#state.get(slot, SLOT.IN_FLIGHT)
    return sum
  }

  find(serviceName: string, id: string): Member {
    const member = this.#members.find(({ endpoint }) => endpoint.id === id)
    if (member !== undefined) return member
    const known = this.#members.map(({ endpoint }) => endpoint.id)
    throw new UnknownEndpointError(serviceName, id, known)
  }

  /** Becomes `endpoints`, in their order. */
  replace(endpoints: readonly Endpoint[], settings: SlotSettings): RosterChange {
    const { kept, added, removed } = reconcile(this.#members, endpoints)
    const changed: Member[] = []
    for (const { member, endpoint } of kept) {
      if (JSON.stringify(member.endpoint) !== JSON.stringify(endpoint)) changed.push(member)
      member.endpoint = endpoint
      configure(this.#state, member, settings)
    }
    const fresh = added.map((endpoint) => this.#admit(endpoint, settings))
    const byId = new Map(
      [...kept.map(({ member }) => member), ...fresh].map((member) => [member.endpoint.id, member]),
    )
    this.#members = endpoints.map(({ id }) => byId.get(id) as Member)
    for (const member of removed) this.#leaving.add(member)
    return { added: fresh, changed, removed }
  }

  /** Throws `ArgumentError` where an endpoint of this id or address is there already. */
  refuseTwin(serviceName: string, endpoint: Endpoint): void {
    const twin = this.#members.find(
      (member) => member.endpoint.id === endpoint.id || member.endpoint.url === endpoint.url,
    )
    if (twin === undefined) return
    throw new ArgumentError(
      `service "${serviceName}" already has endpoint "${twin.endpoint.id}" at ${twin.endpoint.url}; set() changes it, remove() takes it out`,
    )
  }

  add(endpoint: Endpoint, settings: SlotSettings): Member {
    const member = this.#admit(endpoint, settings)
    this.#members = [...this.#members, member]
    return member
  }

  remove(member: Member): void {
    this.#members = this.#members.filter((other) => other !== member)
    this.#leaving.add(member)
  }

  /** Frees the slots of endpoints that have left, once nothing is in flight there. Cheap while nobody is leaving. */
  sweep(): void {
    if (this.#leaving.size === 0) return
    for (const member of this.#leaving) {
      if (this.#state.get(member.slot, SLOT.IN_FLIGHT) > 0) continue
      this.#leaving.delete(member)
      this.#bySlot[member.slot] = undefined
      this.#onFreed(member)
      this.#state.freeSlot(member.slot)
    }
  }

  #admit(endpoint: Endpoint, settings: SlotSettings): Member {
    const member = admit(this.#state, this.#service, endpoint, settings)
    this.#bySlot[member.slot] = member
    return member
  }
}
