import { settle } from './atomics/reclaim.js'
import { CONTRIBUTION, SERVICE, SERVICE_SEGMENT_SHIFT } from './layout.js'
import type { SharedState } from './state.js'

/**
 * Takes off all shared counts what a thread that has ended had in flight: to slots and to services. For the record's one
 * cleaner. False where living threads were at work on a count: to be called again.
 */
export function reclaimCounts(state: SharedState, ended: number): boolean {
  state.followGrowth()
  const slots = state.core.reclaim(ended)
  let services = true
  // In both engines it is TypeScript that counts what a service has in flight as a whole.
  const used = state.servicesUsed
  for (let service = 0; service < used; service++) {
    const words = state.serviceWords(service)
    const count = {
      counts: words,
      words: [
        { at: state.serviceField(service, SERVICE.IN_FLIGHT), field: CONTRIBUTION.IN_FLIGHT },
        { at: state.serviceField(service, SERVICE.WAITING), field: CONTRIBUTION.WAITING },
      ],
      records: words,
      recordOf: (thread: number) => state.serviceContribution(thread, service),
    }
    if (!settle(state.root, count, ended)) services = false
  }
  return slots && services
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
  const services = Math.min(state.servicesUsed, state.serviceSegments.length << SERVICE_SEGMENT_SHIFT)
  for (let service = 0; service < services; service++) {
    const word = state.serviceContribution(state.thread, service) + CONTRIBUTION.IN_FLIGHT
    for (let left = Atomics.load(state.serviceWords(service), word); left > 0; left--) onService(service)
  }
}
