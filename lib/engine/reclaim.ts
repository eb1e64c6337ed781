import { type Counts, settle } from './atomics/reclaim.js'
import {
  CONNECTION_CONTRIBUTION,
  CONTRIBUTION,
  HEADER,
  SEGMENT_SLOTS,
  SERVICE,
  SLOT,
  slotConnectionsWord,
} from './layout.js'
import type { SharedState } from './state.js'
import { isLivingToken } from './threads.js'

/**
 * Takes off all shared counts what a thread that has ended had in flight: to slots and to services. For the record's one
 * cleaner. False where living threads were at work on a count, or another cleaner is: to be called again.
 */
export function reclaimCounts(state: SharedState, ended: number): boolean {
  const { root, token } = state
  const before = Atomics.load(root, HEADER.SETTLING)
  if (before !== 0 && isLivingToken(root, before)) return false
  // (R0) One at a time: who has begun may take a thread for a living one that another settles as ended, and count it in.
  if (Atomics.compareExchange(root, HEADER.SETTLING, before, token) !== before) return false
  const isSettled = settleAll(state, ended)
  Atomics.compareExchange(root, HEADER.SETTLING, token, 0) // (R0) after all that it has written
  return isSettled
}

function settleAll(state: SharedState, ended: number): boolean {
  state.followGrowth()
  const slots = state.core.reclaim(ended)
  // In both engines it is TypeScript that counts connections.
  const connections = reclaimConnections(state, ended)
  let services = true
  // In both engines it is TypeScript that counts what a service has in flight as a whole.
  const used = state.servicesUsed
  for (let service = 0; service < used; service++) {
    const words = state.serviceWords(service)
    const count: Counts = {
      counts: words,
      words: [
        { at: state.serviceField(service, SERVICE.IN_FLIGHT), field: CONTRIBUTION.IN_FLIGHT },
        { at: state.serviceField(service, SERVICE.WAITING), field: CONTRIBUTION.WAITING },
      ],
      records: words,
      mark: CONTRIBUTION.MARK,
      recordOf: (thread) => state.serviceContribution(thread, service),
    }
    const ofConnections: Counts = {
      counts: words,
      words: CONNECTION_COUNTS.map(({ service: field, own }) => ({
        at: state.serviceField(service, field),
        field: own,
      })),
      records: words,
      mark: CONNECTION_CONTRIBUTION.MARK,
      recordOf: (thread) => state.serviceConnections(thread, service),
    }
    if (!settle(state.root, count, ended)) services = false
    if (!settle(state.root, ofConnections, ended)) services = false
  }
  return slots && connections && services
}

/** Counts of connections: field of a slot, of a service, and of a thread's contribution to either. */
const CONNECTION_COUNTS = [
  { slot: SLOT.CONNECTIONS, service: SERVICE.CONNECTIONS, own: CONNECTION_CONTRIBUTION.CONNECTIONS },
  { slot: SLOT.PENDING, service: SERVICE.PENDING, own: CONNECTION_CONTRIBUTION.PENDING },
  { slot: SLOT.ACTIVE_RETRIES, service: SERVICE.ACTIVE_RETRIES, own: CONNECTION_CONTRIBUTION.ACTIVE_RETRIES },
] as const

function reclaimConnections(state: SharedState, ended: number): boolean {
  let settled = true
  for (const { cells, connections } of state.segments) {
    for (let slot = 0; slot < SEGMENT_SLOTS; slot++) {
      const own = slotConnectionsWord(ended, slot)
      // Of a hundred thousand slots a thread has connections to a few.
      if (CONNECTION_COUNTS.every((one) => connections[own + one.own] === 0)) continue
      const counts: Counts = {
        counts: cells,
        words: CONNECTION_COUNTS.map((one) => ({ at: state.slotWord(slot) + one.slot, field: one.own })),
        records: connections,
        mark: CONNECTION_CONTRIBUTION.MARK,
        recordOf: (thread) => slotConnectionsWord(thread, slot),
      }
      if (!settle(state.root, counts, ended)) settled = false
    }
  }
  return settled
}

/** Requests of a thread in flight to all endpoints. */
export function contributed(state: SharedState, thread: number): number {
  const used = Math.min(state.slotsUsed, state.segmentSlots)
  let sum = 0
  for (let slot = 0; slot < used; slot++) sum += state.contribution(thread, slot)
  return sum
}

/**
 * Calls back for each slot and each service to which this thread has requests in flight, once for each of them; `isOpen`
 * where its answer has begun.
 */
export function eachOwn(
  state: SharedState,
  onSlot: (slot: number, isOpen: boolean) => void,
  onService: (service: number) => void,
): void {
  const used = Math.min(state.slotsUsed, state.segmentSlots)
  for (let slot = 0; slot < used; slot++) {
    const open = state.openContribution(state.thread, slot)
    for (let left = state.contribution(state.thread, slot); left > 0; left--) onSlot(slot, left <= open)
  }
  for (let service = 0; service < state.servicesAttached; service++) {
    const word = state.serviceContribution(state.thread, service) + CONTRIBUTION.IN_FLIGHT
    for (let left = Atomics.load(state.serviceWords(service), word); left > 0; left--) onService(service)
  }
}
