import type { WaitingLines } from '../contract.js'
import { TICKET, TICKET_STATE } from '../layout.js'
import { stateOf, ticketWord } from '../tickets.js'
import type { NativeLineFunctions } from './addon.js'

/** The lines of waiting requests in the addon: `boost::lockfree::queue` keeps their order, and no call is cut in two. */
export class NativeLines implements WaitingLines {
  readonly #functions: NativeLineFunctions
  readonly #tickets: Int32Array

  constructor(functions: NativeLineFunctions, tickets: Int32Array) {
    this.#functions = functions
    this.#tickets = tickets
  }

  needsHead(): boolean {
    return false
  }

  open(): boolean {
    return false
  }

  join(service: number, tier: number, ticket: number): boolean {
    return this.#functions.join(service, tier, ticket)
  }

  grantNext(service: number, ticks: number): number {
    return this.#functions.grantNext(service, ticks)
  }

  /** Whoever takes a ticket out of its line says so in its state. */
  isInLine(ticket: number): boolean {
    const state = stateOf(Atomics.load(this.#tickets, ticketWord(ticket) + TICKET.STATE))
    return state === TICKET_STATE.WAITING || state === TICKET_STATE.LEFT
  }

  lengthOf(service: number, tier: number): number {
    return this.#functions.length(service, tier)
  }

  listen(onCall: () => void): void {
    this.#functions.listen(onCall)
  }

  close(): void {
    this.#functions.close()
  }

  call(token: number): void {
    this.#functions.call(token)
  }
}
