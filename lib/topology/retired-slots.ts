import { SLOT, SLOT_FLAGS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { Member } from './member.js'

interface RetiredSlot {
  readonly service: number
  readonly generation: number
  /** Version of the configuration that no longer names it. */
  readonly since: number
}

const TOTALS = [SLOT.SUCCEEDED, SLOT.FAILED, SLOT.CANCELLED]

/**
 * Endpoints and services that have left, until their slots and records are free for others: when nothing is in flight
 * there, no connection is open, and every living thread has taken over a configuration without them. Each thread keeps a list; one of them
 * frees. Of the last request that ends, the last thread that catches up, and the cleaning up after one that has ended,
 * whichever comes last finds both true.
 */
export class RetiredSlots {
  readonly #state: SharedState
  readonly #bySlot: (Member | undefined)[]
  readonly #isSeen: (version: number) => boolean
  readonly #slots = new Map<number, RetiredSlot>()
  /** By index of the record. */
  readonly #services = new Map<number, { readonly generation: number; readonly since: number }>()
  /** Neither slots nor services: as nearly always, and every request that ends asks. */
  #isEmpty = true

  /** `bySlot` as in `Roster`; `isSeen` says whether every living thread has taken over that version. */
  constructor(state: SharedState, bySlot: (Member | undefined)[], isSeen: (version: number) => boolean) {
    this.#state = state
    this.#bySlot = bySlot
    this.#isSeen = isSeen
  }

  add({ slot, service, generation }: Member, since: number): void {
    this.#slots.set(slot, { service, generation, since })
    this.#isEmpty = false
  }

  close(service: number, since: number): void {
    this.#services.set(service, { generation: this.#state.claims.serviceGeneration(service), since })
    this.#isEmpty = false
  }

  /** Slots of a service that have left and are not free yet. */
  *slotsOf(service: number): Iterable<number> {
    for (const [slot, one] of this.#slots) if (one.service === service && this.#isStill(slot, one)) yield slot
  }

  /** Requests in flight from all threads to what has left. */
  get inFlight(): number {
    let sum = 0
    for (const [slot, one] of this.#slots)
      if (this.#isStill(slot, one)) sum += this.#state.get(slot, SLOT.IN_FLIGHT)
    return sum
  }

  /** Frees what can be freed. Cheap while nothing is leaving. */
  sweep(): void {
    if (this.#isEmpty) return
    for (const [slot, one] of this.#slots) {
      if (this.#isStill(slot, one)) {
        if (this.#isInUse(slot) || !this.#isSeen(one.since)) continue
        if (!this.#free(slot, one)) continue
      }
      this.#slots.delete(slot)
      if (this.#bySlot[slot]?.generation === one.generation) this.#bySlot[slot] = undefined
    }
    for (const [service, { generation, since }] of this.#services) {
      const { claims } = this.#state
      if (claims.serviceGeneration(service) === generation) {
        if (!this.#slotsOf(service).next().done || !this.#isSeen(since)) continue
        if (!claims.claimService(service, generation)) continue
        claims.dropService(service)
      }
      this.#services.delete(service)
    }
    this.#isEmpty = this.#slots.size === 0 && this.#services.size === 0
  }

  /**
   * Looks for slots and records that are in use, in nobody's hands and not in the configuration, which another thread
   * would have freed: all that had left before this thread attached, and what an ended thread was setting up or freeing.
   * False where the configuration had moved on by the end of it: what is in nobody's hands may then be in a newer one.
   */
  adopt(isService: (service: number) => boolean, since: number, isBehind: () => boolean): boolean {
    const slots = this.#unknownSlots()
    const services = this.#unknownServices(isService)
    if (isBehind()) return false
    for (const [slot, { service, generation }] of slots) this.#slots.set(slot, { service, generation, since })
    if (slots.size > 0) this.#isEmpty = false
    for (const service of services) this.close(service, since)
    this.sweep()
    return true
  }

  #unknownSlots(): Map<number, { service: number; generation: number }> {
    const state = this.#state
    const unknown = new Map<number, { service: number; generation: number }>()
    state.followGrowth()
    const used = state.slotsUsed
    for (let slot = 0; slot < used; slot++) {
      const generation = state.get(slot, SLOT.GENERATION)
      if ((generation & 1) === 0 || state.get(slot, SLOT.CLAIM) !== 0) continue
      if (this.#bySlot[slot]?.generation === generation) continue
      const service = state.get(slot, SLOT.SERVICE)
      const isGone = (state.get(slot, SLOT.FLAGS) & SLOT_FLAGS.GONE) !== 0
      if (!(isGone && this.#isGoneSlotOf(slot, service))) unknown.set(slot, { service, generation })
    }
    return unknown
  }

  #unknownServices(isService: (service: number) => boolean): number[] {
    const { claims } = this.#state
    const unknown: number[] = []
    this.#state.followGrowth()
    const used = this.#state.servicesUsed
    for (let service = 0; service < used; service++) {
      if ((claims.serviceGeneration(service) & 1) === 0) continue
      if (!claims.isServiceClaimed(service) && !isService(service)) unknown.push(service)
    }
    return unknown
  }

  #isGoneSlotOf(slot: number, service: number): boolean {
    const { claims, servicesUsed } = this.#state
    if (!(service >= 0 && service < servicesUsed)) return false
    return (claims.serviceGeneration(service) & 1) === 1 && claims.goneSlot(service) === slot
  }

  #slotsOf(service: number): Iterator<number> {
    return this.slotsOf(service)[Symbol.iterator]()
  }

  /** Whether another thread has not freed it meanwhile. */
  #isStill(slot: number, { generation }: RetiredSlot): boolean {
    return this.#state.get(slot, SLOT.GENERATION) === generation
  }

  /** Whether a request is in flight there, or a connection is open, which counts there until it is closed. */
  #isInUse(slot: number): boolean {
    return this.#state.get(slot, SLOT.IN_FLIGHT) > 0 || this.#state.get(slot, SLOT.CONNECTIONS) > 0
  }

  /** Its totals go to its service's slot for those that have left. False where another thread has it in its hands. */
  #free(slot: number, { service, generation }: RetiredSlot): boolean {
    const { claims } = this.#state
    if (!claims.claimSlot(slot, generation)) return false
    const gone = claims.goneSlot(service)
    if (gone >= 0 && gone !== slot) {
      for (const field of TOTALS) this.#state.moveTotal(slot, gone, field)
      this.#state.moveHistogram(slot, gone)
    }
    claims.dropSlot(slot)
    return true
  }
}
