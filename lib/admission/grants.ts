import { HEADER, SERVICE, TICKET, TICKET_STATE, TICKS_PER_MS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { isPast, MOST_TICKETS, serviceOf, stateOf, stateWord, ticketWord, useOf } from '../engine/tickets.js'

/** ms after which a granted place is taken back from a thread that has not come to take it. */
export const HELD_MS = 50

/** To SERVICE.GRANTED. (A6) A thread that ends in the middle must leave too few, never too many. */
export function addToGranted(state: SharedState, service: number, delta: number): void {
  Atomics.add(state.serviceWords(service), state.serviceField(service, SERVICE.GRANTED), delta)
}

/** Requests of a service that were granted a place and have not taken it: SERVICE.GRANTED, over all threads. */
export class Grants {
  readonly #state: SharedState
  readonly #service: number
  readonly #words: Int32Array
  readonly #at: number
  readonly #turnedAwayAt: number
  /** What GRANTED counted above the tickets that are granted a place, at the last look. */
  #excess = 0

  constructor(state: SharedState, service: number) {
    this.#state = state
    this.#service = service
    this.#words = state.serviceWords(service)
    this.#at = state.serviceField(service, SERVICE.GRANTED)
    this.#turnedAwayAt = state.serviceField(service, SERVICE.TURNED_AWAY)
  }

  get count(): number {
    return Math.max(0, Atomics.load(this.#words, this.#at)) // (A6) never more than are free
  }

  /** Nobody waited. */
  begin(): void {
    Atomics.store(this.#words, this.#at, 0) // (A6) where nobody waited, nobody is granted anything
  }

  /**
   * Counts one more grant, before it is made, where `isFree` says of those that are counted that there is a place for one more: so
   * that of two threads that have seen the same place free one grants it. `takeBack` ends it once the grant is made and counts itself.
   */
  reserve(isFree: (granted: number) => boolean): boolean {
    for (;;) {
      const counted = Atomics.load(this.#words, this.#at) // (A6) a guess, which the exchange checks
      if (isFree(Math.max(0, counted))) {
        // (A6) Of those who would grant the same place, one. A thread that ends before `takeBack` leaves one too many: an excess.
        if (Atomics.compareExchange(this.#words, this.#at, counted, counted + 1) === counted) return true
        continue
      }
      Atomics.add(this.#words, this.#turnedAwayAt, 1) // (A11) before it looks again
      // What kept it away may have been a reservation that found nobody to grant the place to.
      if (Atomics.load(this.#words, this.#at) >= counted) return false // (A11) nobody has given a place up meanwhile
    }
  }

  /** Grows when somebody was turned away by a grant or a reservation. To be read again after `takeBack`. */
  get turnedAway(): number {
    return Atomics.load(this.#words, this.#turnedAwayAt) // (A11) after the reservation is given up
  }

  /** To be called before the ticket's state says so. */
  takeBack(): void {
    addToGranted(this.#state, this.#service, -1) // (A6) before the state: one too few does no harm
  }

  /** Nothing is granted in vain, as far as this thread has seen. */
  forget(): void {
    this.#excess = 0
  }

  /**
   * Takes back what other threads were granted and have not taken for a while. (A3) To be called every HELD_MS where a place is
   * free though grants are counted, else `forget`.
   */
  takeBackHeld(ticks: number): void {
    const { root, tickets, token } = this.#state
    const used = Math.min(Atomics.load(root, HEADER.TICKETS_USED) >>> 0, MOST_TICKETS)
    let counted = Atomics.load(this.#words, this.#at) // (A6) a look is enough: the next one comes
    let outstanding = 0
    for (let ticket = 0; ticket < used; ticket++) {
      const at = ticketWord(ticket)
      const word = Atomics.load(tickets, at + TICKET.STATE)
      if (stateOf(word) !== TICKET_STATE.GRANTED || serviceOf(tickets[at + TICKET.SERVICE]) !== this.#service)
        continue
      outstanding++
      if (tickets[at + TICKET.OWNER] === token) continue
      if (!isPast((tickets[at + TICKET.GRANTED_AT] + HELD_MS * TICKS_PER_MS) | 1, ticks)) continue
      this.takeBack()
      const revoked = stateWord(useOf(word), TICKET_STATE.REVOKED)
      if (Atomics.compareExchange(tickets, at + TICKET.STATE, word, revoked) !== word) {
        addToGranted(this.#state, this.#service, 1) // (A6) its thread has seen to it
        continue
      }
      outstanding--
      counted--
      Atomics.add(this.#words, this.#state.serviceField(this.#service, SERVICE.REVOKED), 1)
    }
    this.#forgetExcess(counted, counted - outstanding)
  }

  /**
   * GRANTED may count grants that there are no more: a thread that grants adds to it after it has granted, and by then the place may be
   * taken, everybody gone, and the count begun anew. Such a one would keep a place from all that wait. What is counted twice,
   * 50 ms apart, is taken off; taken off by mistake, one more is granted than is free, which does no harm.
   */
  #forgetExcess(counted: number, excess: number): void {
    const lasting = Math.min(excess, this.#excess)
    this.#excess = Math.max(0, excess)
    if (lasting <= 0) return
    Atomics.compareExchange(this.#words, this.#at, counted, counted - lasting) // (A6) unless it has changed meanwhile
    this.#excess = 0
  }
}
