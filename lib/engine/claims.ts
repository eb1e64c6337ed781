/**
 * Slots and service records over threads: taken, set up, made public by the configuration that names them, given back.
 *
 * CLAIM bears the token of the thread that has one in its hands; GENERATION is odd while it is in use. Whoever holds the
 * claim of a slot that no configuration names is alone with it. What an ended thread has claimed is told by its token.
 */

import { mix } from '../runtime/bits.js'
import type { Segment } from './contract.js'
import {
  CONCURRENCY,
  concurrencyWord,
  HEADER,
  HISTOGRAM_BUCKETS,
  histogramWord,
  SEGMENT_SHIFT,
  SERVICE,
  SLOT,
  SLOT_FLAGS,
  TIERS,
} from './layout.js'

/** A slot in one use of it: another endpoint has it in another generation. */
export interface Place {
  readonly slot: number
  readonly generation: number
}

/** Where the search for what was given back goes on, so that not each one begins with those that are in use. */
interface Search {
  next: number
  /** SLOTS_FREED or SERVICES_FREED when the last search began that went once around in vain. */
  fruitlessAt: number
}

/**
 * What a record keeps from one service to the next: whose it is, and its lines. Those have nobody in them that waits, but
 * tickets whose requests have left them.
 */
const KEPT: ReadonlySet<number> = new Set([
  SERVICE.GENERATION,
  SERVICE.CLAIM,
  ...Array.from({ length: TIERS }, (_, tier) => [SERVICE.HEADS + tier, SERVICE.TAILS + tier]).flat(),
])

/** The words of a balancer's memory that claims are made of; `SharedState` has them. */
export interface ClaimedWords {
  readonly root: Int32Array<SharedArrayBuffer>
  readonly segments: readonly Segment[]
  readonly segmentSlots: number
  /** Slots, and service records, that there will ever be. */
  readonly capacity: number
  readonly serviceCapacity: number
  /** Handed out so far. */
  readonly slotsUsed: number
  readonly servicesUsed: number
  readonly token: number
  followGrowth(): void
  get(slot: number, field: number): number
  peek(slot: number, field: number): number
  set(slot: number, field: number, value: number): void
  add(slot: number, field: number, value: number): number
  exchange(slot: number, field: number, expected: number, value: number): boolean
  serviceWords(service: number): Int32Array
  serviceField(service: number, field: number): number
}

/** Takes free slots and records for one thread. */
export class Claims {
  readonly #state: ClaimedWords
  readonly #slots: Search = { next: 0, fruitlessAt: 0 }
  readonly #services: Search = { next: 0, fruitlessAt: 0 }

  constructor(state: ClaimedWords) {
    this.#state = state
  }

  /** A slot, claimed, its words zero but for its generation; -1 where the block has none left. (L1) */
  takeSlot(): number {
    const state = this.#state
    for (;;) {
      let slot = this.#searchFreedSlot()
      if (slot < 0) {
        if (state.slotsUsed >= state.capacity) return -1
        slot = Atomics.add(state.root, HEADER.SLOTS_USED, 1)
        if (slot >= state.capacity) return -1
        state.followGrowth()
      }
      if (!state.exchange(slot, SLOT.CLAIM, 0, state.token)) continue
      if ((state.get(slot, SLOT.GENERATION) & 1) === 0) {
        this.#clear(slot)
        state.add(slot, SLOT.GENERATION, 1)
        return slot
      }
      state.set(slot, SLOT.CLAIM, 0)
    }
  }

  #searchFreedSlot(): number {
    const state = this.#state
    const isFree = (slot: number) =>
      (state.peek(slot, SLOT.GENERATION) & 1) === 0 && state.peek(slot, SLOT.CLAIM) === 0
    return this.#searchFreed(this.#slots, HEADER.SLOTS_FREED, state.slotsUsed, isFree)
  }

  #searchFreedService(): number {
    const state = this.#state
    const isFree = (service: number) =>
      (this.serviceGeneration(service) & 1) === 0 && this.#serviceClaim(service) === 0
    return this.#searchFreed(this.#services, HEADER.SERVICES_FREED, state.servicesUsed, isFree)
  }

  /** The next of `used` that is free; -1 where there is none. */
  #searchFreed(search: Search, freedField: number, used: number, isFree: (i: number) => boolean): number {
    const freed = Atomics.load(this.#state.root, freedField)
    if (freed === search.fruitlessAt) return -1
    this.#state.followGrowth()
    for (let i = 0; i < used; i++) {
      const at = (search.next + i) % used
      if (!isFree(at)) continue
      search.next = at + 1
      return at
    }
    search.fruitlessAt = freed
    return -1
  }

  #clear(slot: number): void {
    const state = this.#state
    for (let word = 0; word < SLOT.WORDS; word++)
      if (word !== SLOT.GENERATION && word !== SLOT.CLAIM) state.set(slot, word, 0)
    const { histograms, concurrency } = state.segments[slot >>> SEGMENT_SHIFT]
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) histograms[histogramWord(slot, bucket)] = 0
    const at = concurrencyWord(slot)
    for (let word = 0; word < CONCURRENCY.WORDS; word++) Atomics.store(concurrency, at + word, 0)
  }

  /** Gives a slot back that this thread has claimed and that is in no configuration. */
  dropSlot(slot: number): void {
    const state = this.#state
    state.add(slot, SLOT.GENERATION, 1)
    state.set(slot, SLOT.CLAIM, 0)
    Atomics.add(state.root, HEADER.SLOTS_FREED, 1)
  }

  /** A configuration names the slot now. */
  publishSlot(slot: number): void {
    this.#state.set(slot, SLOT.CLAIM, 0)
  }

  /**
   * Claims a slot of that generation, in order to free it: true for one thread. Only one that holds the claim may move
   * its totals away, and give it back by `dropSlot`. (L2)
   */
  claimSlot(slot: number, generation: number): boolean {
    const state = this.#state
    if (!state.exchange(slot, SLOT.CLAIM, 0, state.token)) return false
    if (state.get(slot, SLOT.GENERATION) === generation) return true
    state.set(slot, SLOT.CLAIM, 0)
    return false
  }

  /** A service record with its slot for totals, both claimed, its words zero; -1 where there is none. */
  takeService(): number {
    const state = this.#state
    for (;;) {
      let service = this.#searchFreedService()
      if (service < 0) {
        if (state.servicesUsed >= state.serviceCapacity) return -1
        service = Atomics.add(state.root, HEADER.SERVICES_USED, 1)
        if (service >= state.serviceCapacity) return -1
        state.followGrowth()
      }
      const words = state.serviceWords(service)
      const at = (field: number) => state.serviceField(service, field)
      if (Atomics.compareExchange(words, at(SERVICE.CLAIM), 0, state.token) !== 0) continue
      if ((this.serviceGeneration(service) & 1) === 0) {
        const gone = this.takeSlot()
        if (gone < 0) {
          Atomics.store(words, at(SERVICE.CLAIM), 0)
          Atomics.add(state.root, HEADER.SERVICES_FREED, 1)
          return -1
        }
        for (let field = 0; field < SERVICE.WORDS; field++)
          if (!KEPT.has(field)) Atomics.store(words, at(field), 0)
        // Many processes that start together must not all begin with the same endpoint (grpc/grpc-java#4462).
        Atomics.store(words, at(SERVICE.CURSOR), firstTicket(state.root[HEADER.SEED], service))
        state.set(gone, SLOT.FLAGS, SLOT_FLAGS.GONE)
        state.set(gone, SLOT.SERVICE, service)
        Atomics.store(words, at(SERVICE.GONE_SLOT), gone + 1)
        Atomics.add(words, at(SERVICE.GENERATION), 1)
        return service
      }
      Atomics.store(words, at(SERVICE.CLAIM), 0)
    }
  }

  /** The slot that keeps the totals of what has left a service; -1: none. */
  goneSlot(service: number): number {
    const slot = this.#load(service, SERVICE.GONE_SLOT) - 1
    return slot < this.#state.segmentSlots ? slot : -1
  }

  dropService(service: number): void {
    const state = this.#state
    const words = state.serviceWords(service)
    const gone = this.goneSlot(service)
    // First forgotten, then given back: a thread that ends in between leaves a slot to be found, not one to be given back twice.
    Atomics.store(words, state.serviceField(service, SERVICE.GONE_SLOT), 0)
    if (gone >= 0) this.dropSlot(gone)
    Atomics.add(words, state.serviceField(service, SERVICE.GENERATION), 1)
    Atomics.store(words, state.serviceField(service, SERVICE.CLAIM), 0)
    Atomics.add(state.root, HEADER.SERVICES_FREED, 1)
  }

  publishService(service: number): void {
    const state = this.#state
    this.publishSlot(this.goneSlot(service))
    Atomics.store(state.serviceWords(service), state.serviceField(service, SERVICE.CLAIM), 0)
  }

  serviceGeneration(service: number): number {
    return this.#load(service, SERVICE.GENERATION)
  }

  /** Whether some thread has the record in its hands. */
  isServiceClaimed(service: number): boolean {
    return this.#serviceClaim(service) !== 0
  }

  #serviceClaim(service: number): number {
    return this.#load(service, SERVICE.CLAIM)
  }

  #load(service: number, field: number): number {
    return Atomics.load(this.#state.serviceWords(service), this.#state.serviceField(service, field))
  }

  /** As `claimSlot`; its slot for totals is then this thread's, too. */
  claimService(service: number, generation: number): boolean {
    const state = this.#state
    const words = state.serviceWords(service)
    const claim = state.serviceField(service, SERVICE.CLAIM)
    if (Atomics.compareExchange(words, claim, 0, state.token) !== 0) return false
    if (this.serviceGeneration(service) === generation) {
      // Set so that, should this thread end, the slot is found with the record.
      state.exchange(this.goneSlot(service), SLOT.CLAIM, 0, state.token)
      return true
    }
    Atomics.store(words, claim, 0)
    return false
  }

  /** Gives up the claims of a thread that has ended; what they were on is for `RetiredSlots.adopt` to look at. (L3) */
  releaseClaims(token: number): void {
    const state = this.#state
    state.followGrowth()
    const used = state.slotsUsed
    for (let slot = 0; slot < used; slot++) state.exchange(slot, SLOT.CLAIM, token, 0)
    Atomics.add(state.root, HEADER.SLOTS_FREED, 1)
    const services = state.servicesUsed
    for (let service = 0; service < services; service++) {
      const words = state.serviceWords(service)
      Atomics.compareExchange(words, state.serviceField(service, SERVICE.CLAIM), token, 0)
    }
    Atomics.add(state.root, HEADER.SERVICES_FREED, 1)
  }
}

/** Where a service's cursor begins: the seed and the service, mixed (MurmurHash3's finalizer). */
function firstTicket(seed: number, service: number): number {
  return mix(seed ^ Math.imul(service + 1, 0x9e3779b1)) | 0
}
