/**
 * The lines of waiting requests on `Atomics`: a queue for each tier of a service, of which the tickets themselves are the
 * nodes (Michael and Scott, PODC 1996). A ticket is in line from one exchange on, and the head one is granted before the line
 * moves past it, so a thread may end between any two operations: whoever comes next goes on where it stopped. Numbers in
 * brackets are those of docs/concurrency/admission.md.
 */
import type { WaitingLines } from '../contract.js'
import { SERVICE, TICKET, TICKET_BITS, TICKET_STATE, TICKET_STATE_BITS, TIERS } from '../layout.js'
import { threadToken } from '../threads.js'
import {
  GRANTED_ELSEWHERE,
  isPast,
  NO_TICKET,
  serviceOf,
  serviceWordOf,
  stateOf,
  stateWord,
  ticketWord,
  tierOf,
  useOf,
} from '../tickets.js'
import { ThreadCalls } from './thread-calls.js'

const NUMBER_MASK = (1 << TICKET_BITS) - 1
/** Bits of the number of use that fit above a ticket's number. */
const USE_MASK = (1 << (32 - TICKET_BITS)) - 1

/**
 * Steps in a line before a call gives up: more than threads that meet there need. Behind more tickets of requests that have left the
 * next call goes on. A line goes round in circles only where its memory was damaged.
 */
const MOST_STEPS = 8192

/** A ticket in one use of it, as HEADS, TAILS and NEXT name it; 0 stands for none. */
const reference = (use: number, ticket: number): number => ((use & USE_MASK) << TICKET_BITS) | (ticket + 1)
const ticketOf = (word: number): number => (word & NUMBER_MASK) - 1
const useBits = (word: number): number => word >>> TICKET_BITS

/** The segment of a service's record, and the first word of that. */
export type RecordOf = (service: number) => { readonly words: Int32Array; readonly at: number }

export class AtomicsLines implements WaitingLines {
  readonly #tickets: Int32Array
  readonly #recordOf: RecordOf
  readonly #ownToken: number
  readonly #calls: ThreadCalls

  constructor(root: Int32Array, thread: number, tickets: Int32Array, recordOf: RecordOf) {
    this.#tickets = tickets
    this.#recordOf = recordOf
    this.#ownToken = threadToken(root, thread)
    this.#calls = new ThreadCalls(root, thread)
  }

  needsHead(service: number, tier: number): boolean {
    const { words, at } = this.#recordOf(service)
    return Atomics.load(words, at + SERVICE.TAILS + tier) === 0
  }

  /** An empty line has a head, too: the ticket that was the first before. (A5) */
  open(service: number, tier: number, ticket: number): boolean {
    const tickets = this.#tickets
    const { words, at } = this.#recordOf(service)
    const own = ticketWord(ticket)
    const use = useOf(tickets[own + TICKET.STATE]) + 1
    tickets[own + TICKET.SERVICE] = serviceWordOf(service, tier)
    // Where another thread is first this ticket is in no line, and so it must say.
    tickets[own + TICKET.SEQUENCE] = 0
    Atomics.store(tickets, own + TICKET.NEXT, reference(use, NO_TICKET))
    Atomics.store(tickets, own + TICKET.STATE, stateWord(use, TICKET_STATE.FREE)) // (A1) before it is in sight
    const head = reference(use, ticket)
    const before = Atomics.compareExchange(words, at + SERVICE.HEADS + tier, 0, head) // (A5) one of several
    // (A5) Whoever comes after one that has ended here sets the end for it.
    Atomics.compareExchange(words, at + SERVICE.TAILS + tier, 0, before === 0 ? head : before)
    return before === 0
  }

  join(service: number, tier: number, ticket: number): boolean {
    const tickets = this.#tickets
    const { words, at } = this.#recordOf(service)
    const own = ticketWord(ticket)
    const use = useOf(tickets[own + TICKET.STATE]) + 1
    tickets[own + TICKET.SERVICE] = serviceWordOf(service, tier)
    Atomics.store(tickets, own + TICKET.NEXT, reference(use, NO_TICKET))
    Atomics.store(tickets, own + TICKET.STATE, stateWord(use, TICKET_STATE.WAITING)) // (A1) before it is in sight
    const end = at + SERVICE.TAILS + tier
    const mine = reference(use, ticket)
    for (let step = 0; step < MOST_STEPS; step++) {
      const tail = Atomics.load(words, end)
      if (ticketOf(tail) === NO_TICKET) break
      const last = ticketWord(ticketOf(tail))
      const next = Atomics.load(tickets, last + TICKET.NEXT)
      // (A4) What was read belongs to the last one as it is in line, not to a later use of it.
      if (Atomics.load(words, end) !== tail || useBits(next) !== useBits(tail)) continue
      if (ticketOf(next) !== NO_TICKET) {
        this.#moveTail(words, end, tail, ticketOf(next))
        continue
      }
      Atomics.store(tickets, own + TICKET.SEQUENCE, (tickets[last + TICKET.SEQUENCE] + 1) | 0)
      const linked = (next & ~NUMBER_MASK) | (ticket + 1)
      // (A2) The place in line: first come is the order of these.
      if (Atomics.compareExchange(tickets, last + TICKET.NEXT, next, linked) === next) {
        Atomics.compareExchange(words, end, tail, mine) // (A4) whoever comes next does it, where this thread ends here
        return true
      }
      Atomics.add(words, at + SERVICE.RETRIES, 1)
    }
    Atomics.store(tickets, own + TICKET.STATE, stateWord(use, TICKET_STATE.FREE)) // (A1) it is in no line
    return false
  }

  grantNext(service: number, ticks: number): number {
    const { words, at } = this.#recordOf(service)
    for (let tier = 0; tier < TIERS; tier++) {
      const ticket = this.#grantFirst(words, at, tier, ticks)
      if (ticket === NO_TICKET) continue
      const owner = Atomics.load(this.#tickets, ticketWord(ticket) + TICKET.OWNER)
      if (owner === this.#ownToken) return ticket
      this.call(owner)
      return GRANTED_ELSEWHERE
    }
    return NO_TICKET
  }

  #grantFirst(words: Int32Array, at: number, tier: number, ticks: number): number {
    const tickets = this.#tickets
    const begin = at + SERVICE.HEADS + tier
    const end = at + SERVICE.TAILS + tier
    for (let step = 0; step < MOST_STEPS; step++) {
      const head = Atomics.load(words, begin)
      if (ticketOf(head) === NO_TICKET) return NO_TICKET
      const tail = Atomics.load(words, end)
      const next = Atomics.load(tickets, ticketWord(ticketOf(head)) + TICKET.NEXT)
      const first = ticketOf(next)
      const own = ticketWord(first)
      const state = first === NO_TICKET ? 0 : Atomics.load(tickets, own + TICKET.STATE)
      // (A4) While the head is what it was, the first one is in line, and its state is that of this use.
      if (Atomics.load(words, begin) !== head || useBits(next) !== useBits(head)) continue
      if (first === NO_TICKET) return NO_TICKET
      if (head === tail) {
        this.#moveTail(words, end, tail, first)
        continue
      }
      if (stateOf(state) === TICKET_STATE.WAITING) {
        const late = isPast(tickets[own + TICKET.BOUND], ticks)
        if (!late) tickets[own + TICKET.GRANTED_AT] = ticks
        const after =
          (state & ~((1 << TICKET_STATE_BITS) - 1)) | (late ? TICKET_STATE.LATE : TICKET_STATE.GRANTED)
        // (A3) Of those who grant, and of its own thread that gives it up, one.
        if (Atomics.compareExchange(tickets, own + TICKET.STATE, state, after) !== state) {
          Atomics.add(words, at + SERVICE.RETRIES, 1)
          continue
        }
        if (!late) {
          Atomics.add(words, at + SERVICE.GRANTED, 1) // (A6) after the state: a thread that ends in between leaves one too few
          this.#moveHead(words, begin, head, first, state)
          return first
        }
      }
      this.#moveHead(words, begin, head, first, state)
    }
    return NO_TICKET
  }

  isInLine(ticket: number): boolean {
    const tickets = this.#tickets
    const own = ticketWord(ticket)
    const packed = tickets[own + TICKET.SERVICE]
    const { words, at } = this.#recordOf(serviceOf(packed))
    // Only where its memory was damaged.
    if (words === undefined || tierOf(packed) >= TIERS) return false
    const begin = at + SERVICE.HEADS + tierOf(packed)
    for (;;) {
      const head = Atomics.load(words, begin)
      if (ticketOf(head) === NO_TICKET) return false
      const sequence = Atomics.load(tickets, ticketWord(ticketOf(head)) + TICKET.SEQUENCE)
      // (A4) The head is still the one whose place was read.
      if (Atomics.load(words, begin) === head) return ((tickets[own + TICKET.SEQUENCE] - sequence) | 0) >= 0
    }
  }

  lengthOf(service: number, tier: number): number {
    const { words, at } = this.#recordOf(service)
    const place = (field: number): number => {
      const word = Atomics.load(words, at + field + tier)
      return ticketOf(word) === NO_TICKET
        ? 0
        : Atomics.load(this.#tickets, ticketWord(ticketOf(word)) + TICKET.SEQUENCE)
    }
    return Math.max(0, (place(SERVICE.TAILS) - place(SERVICE.HEADS)) | 0)
  }

  listen(onCall: () => void): void {
    this.#calls.listen(onCall)
  }

  close(): void {
    this.#calls.close()
  }

  call(token: number): void {
    this.#calls.call(token)
  }

  /** `first` stands behind `head`, and has had its turn, or left. */
  #moveHead(words: Int32Array, begin: number, head: number, first: number, state: number): void {
    Atomics.compareExchange(words, begin, head, reference(useOf(state), first)) // (A4) one of those who come by
  }

  /** `next` is linked behind the last one, by a thread that has not come to this, or has ended before. */
  #moveTail(words: Int32Array, end: number, tail: number, next: number): void {
    const use = useOf(Atomics.load(this.#tickets, ticketWord(next) + TICKET.STATE))
    Atomics.compareExchange(words, end, tail, reference(use, next)) // (A4) fails where the line has moved on, and `next` with it
  }
}
