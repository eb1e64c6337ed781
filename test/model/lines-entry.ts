/** What of the fallback's waiting lines runs in the model: the shipped sources, and what a request does with its own ticket. */
import type { TicketPool } from '../../lib/admission/ticket-pool.js'
import type { WaitingLines } from '../../lib/engine/contract.js'
import { SERVICE, TICKET, TICKET_STATE } from '../../lib/engine/layout.js'
import { stateOf, stateWord, ticketWord, useOf } from '../../lib/engine/tickets.js'

export { releaseWaits, TicketPool } from '../../lib/admission/ticket-pool.js'
export { AtomicsLines } from '../../lib/engine/atomics/lines.js'

/** As `AdmissionQueue` exchanges the state of a ticket of this thread. (A3) */
export function exchange(tickets: Int32Array, ticket: number, from: number, to: number): boolean {
  const at = ticketWord(ticket) + TICKET.STATE
  const word = Atomics.load(tickets, at)
  if (stateOf(word) !== from) return false
  return Atomics.compareExchange(tickets, at, word, stateWord(useOf(word), to)) === word
}

/** As `AdmissionQueue` does once a request that was granted a place has it. False where it was not granted one. */
export function takeGranted(tickets: Int32Array, words: Int32Array, ticket: number): boolean {
  if (stateOf(Atomics.load(tickets, ticketWord(ticket) + TICKET.STATE)) !== TICKET_STATE.GRANTED) return false
  Atomics.sub(words, SERVICE.GRANTED, 1)
  return exchange(tickets, ticket, TICKET_STATE.GRANTED, TICKET_STATE.FREE)
}

/** As `AdmissionQueue` opens a line. */
export function openLine(lines: WaitingLines, pool: TicketPool, service: number, tier: number): void {
  if (!lines.needsHead(service, tier)) return
  const ticket = pool.take()
  lines.open(service, tier, ticket)
  pool.give(ticket)
}
