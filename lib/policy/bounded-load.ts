import { SERVICE, SLOT } from '../engine/layout.js'
import { number } from '../options/kinds.js'
import { grouped } from '../options/words.js'
import type { PolicyView } from './policy.js'
import { weightsOf } from './weights.js'

const PER_CENT = 100
const MAX_FACTOR = 10_000

export const HASH_BALANCE_FACTOR = number({
  integer: true,
  min: 0,
  max: MAX_FACTOR,
  right: `0, or a whole number from 100 to ${grouped(MAX_FACTOR)} per cent`,
  range: `0, or 100 to ${grouped(MAX_FACTOR)}`,
  accept: (value) => value === 0 || value >= PER_CENT,
  unit: '%',
  default: 0,
  source: 'Envoy',
  about:
    "Most requests in flight on an endpoint, of its share; beyond it the key's next endpoint is used. 0: no bound.",
})

/** Whether an endpoint may take one more request, with the requests in flight as they were when `begin` was called. */
export interface LoadBound {
  /** Once a pick, before `admits`. */
  begin(): void
  admits(slot: number): boolean
}

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016): with m requests in flight to the service,
 * this one included, an endpoint holds at most ceil(c m w / W), where w is its weight and W that of all usable ones.
 * Other threads that pick at the same moment may each exceed it by one. A factor of 0 is no bound: undefined.
 */
export function loadBound(view: PolicyView, factorPercent: number): LoadBound | undefined {
  if (factorPercent === 0) return undefined
  const { state, service, usable } = view
  const weights = weightsOf(view, usable)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const share = new Map(usable.map(({ slot }, i) => [slot, (factorPercent / PER_CENT) * (weights[i] / sum)]))
  const words = state.serviceWords(service)
  const word = state.serviceField(service, SERVICE.IN_FLIGHT)
  let requests = 0
  return {
    begin() {
      requests = words[word]
    },
    admits(slot) {
      return state.peek(slot, SLOT.IN_FLIGHT) < boundOf(requests, share.get(slot) as number)
    },
  }
}

/** A product that is a whole number but for its rounding must not be rounded up to the next one. */
const ROUNDING = 1e-9

/** ceil(requests x share), at least 1. */
export const boundOf = (requests: number, share: number): number =>
  Math.max(1, Math.ceil(requests * share * (1 - ROUNDING)))
