/** Tickets of waiting requests, as words: see `TICKET`. */
import { TICKET, TICKET_BITS, TICKET_STATE_BITS, TICKET_TIER_SHIFT } from './layout.js'

/** Tickets of one balancer at most. */
export const MOST_TICKETS = (1 << TICKET_BITS) - 1
export const TICKET_BYTES = MOST_TICKETS * TICKET.WORDS * 4

/** No ticket. */
export const NO_TICKET = -1
/** A ticket of another thread was granted a place, and that thread was called. */
export const GRANTED_ELSEWHERE = -2

const STATE_MASK = (1 << TICKET_STATE_BITS) - 1

/** First word of a ticket. */
export const ticketWord = (ticket: number): number => ticket * TICKET.WORDS

export const stateOf = (word: number): number => word & STATE_MASK
/** How often the ticket was used, modulo 2^29. */
export const useOf = (word: number): number => word >>> TICKET_STATE_BITS
export const stateWord = (use: number, state: number): number => (use << TICKET_STATE_BITS) | state

const SERVICE_MASK = (1 << TICKET_TIER_SHIFT) - 1
export const serviceWordOf = (service: number, tier: number): number => (tier << TICKET_TIER_SHIFT) | service
export const serviceOf = (word: number): number => word & SERVICE_MASK
export const tierOf = (word: number): number => word >>> TICKET_TIER_SHIFT

/** Whether a time in ticks with the lowest bit set, or 0 for none, is over. */
export const isPast = (bound: number, ticks: number): boolean => bound !== 0 && ((ticks - bound) | 0) > 0
