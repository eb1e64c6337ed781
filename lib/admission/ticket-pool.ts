import { HEADER, TICKET, TICKET_STATE } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import {
  MOST_TICKETS,
  NO_TICKET,
  serviceOf,
  stateOf,
  stateWord,
  ticketWord,
  useOf,
} from '../engine/tickets.js'
import { addToGranted } from './grants.js'
import { unmarkPassed } from './passed-threads.js'

/** Fewer resting tickets than that are not looked at; a new one is taken. */
const FEW = 8

/** This thread's tickets: those that its waiting requests have, and those it keeps for the next ones. */
export class TicketPool {
  readonly #state: SharedState
  readonly #free: number[] = []
  /** Given back, and perhaps still in line. */
  #resting: number[] = []
  /** So many have to rest for all of them to be looked at. */
  #lookAt = FEW

  constructor(state: SharedState) {
    this.#state = state
  }

  /** A ticket that is in no line, this thread's own; `NO_TICKET` where the balancer has none left. */
  take(): number {
    return (
      this.#free.pop() ??
      this.#rested(this.#lookAt) ??
      this.#fresh() ??
      this.#rested(1) ??
      this.#adopted() ??
      NO_TICKET
    )
  }

  /** Of a request that waits no more. */
  give(ticket: number): void {
    if (this.#state.lines.isInLine(ticket)) this.#resting.push(ticket)
    else this.#free.push(ticket)
  }

  /**
   * One of those that rest, where there are that many. A line may stand still for long, with tickets of requests that have left it,
   * so all are looked at, and again when as many more rest: each costs two looks at most, and no more than half rest in vain.
   */
  #rested(least: number): number | undefined {
    if (this.#resting.length < least) return undefined
    const still: number[] = []
    for (const ticket of this.#resting) (this.#state.lines.isInLine(ticket) ? still : this.#free).push(ticket)
    this.#resting = still
    this.#lookAt = Math.max(FEW, 2 * still.length)
    return this.#free.pop()
  }

  /** One that nobody has had. */
  #fresh(): number | undefined {
    const { root, tickets, token } = this.#state
    for (;;) {
      const used = Atomics.load(root, HEADER.TICKETS_USED)
      if (used >>> 0 >= MOST_TICKETS) return undefined
      // (A8) Each is handed out first once. A thread that ends before it has written its name leaves one to be adopted.
      if (Atomics.compareExchange(root, HEADER.TICKETS_USED, used, used + 1) !== used) continue
      const owner = ticketWord(used) + TICKET.OWNER
      if (Atomics.compareExchange(tickets, owner, 0, token) === 0) return used
    }
  }

  /** One of a thread that has ended. */
  #adopted(): number | undefined {
    const { lines, tickets, token } = this.#state
    this.#state.followGrowth()
    for (let ticket = 0; ticket < MOST_TICKETS; ticket++) {
      const owner = ticketWord(ticket) + TICKET.OWNER
      if (Atomics.load(tickets, owner) !== 0 || lines.isInLine(ticket)) continue
      // (A8) One of several that look.
      if (Atomics.compareExchange(tickets, owner, 0, token) === 0) return ticket
    }
    return undefined
  }
}

/**
 * Gives up what a thread that has ended, or this one, had waiting: its tickets, what they were granted, and its places among
 * those passed over. May be repeated. What its waiting requests count for is settled with the counts.
 */
export function releaseWaits(state: SharedState, thread: number, token: number): void {
  const { tickets } = state
  const used = Math.min(Atomics.load(state.root, HEADER.TICKETS_USED) >>> 0, MOST_TICKETS)
  for (let ticket = 0; ticket < used; ticket++) {
    const at = ticketWord(ticket)
    if (Atomics.load(tickets, at + TICKET.OWNER) !== token) continue
    releaseTicket(state, at)
    Atomics.compareExchange(tickets, at + TICKET.OWNER, token, 0) // (A8) last: its state is settled
  }
  const services = state.servicesUsed
  for (let service = 0; service < services; service++) unmarkPassed(state, service, thread)
}

/** `at`: its first word. */
function releaseTicket(state: SharedState, at: number): void {
  const { tickets } = state
  for (;;) {
    const word = Atomics.load(tickets, at + TICKET.STATE)
    const before = stateOf(word)
    if (before !== TICKET_STATE.WAITING && before !== TICKET_STATE.GRANTED) return
    const isWaiting = before === TICKET_STATE.WAITING
    // Before the state: should this thread end in between, the next cleaner takes off one too many, not none.
    if (!isWaiting) addToGranted(state, serviceOf(tickets[at + TICKET.SERVICE]), -1)
    const left = stateWord(useOf(word), isWaiting ? TICKET_STATE.LEFT : TICKET_STATE.FREE)
    // (A3) As its own thread would. Another one may grant it, or revoke that.
    if (Atomics.compareExchange(tickets, at + TICKET.STATE, word, left) === word) return
    if (!isWaiting) addToGranted(state, serviceOf(tickets[at + TICKET.SERVICE]), 1)
  }
}
