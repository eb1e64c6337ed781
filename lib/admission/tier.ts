import { TIERS } from '../engine/layout.js'
import { ArgumentError } from '../errors.js'

/** Tier of requests that name none. */
export const DEFAULT_TIER = 1

/** Tier of a request: of the line in which it waits, and of what admission control rejects. @throws ArgumentError */
export function tierOf(options: { readonly priority?: number } | undefined): number {
  const tier = options?.priority ?? DEFAULT_TIER
  if (Number.isInteger(tier) && tier >= 0 && tier < TIERS) return tier
  throw new ArgumentError(`priority is ${String(tier)}; it takes a whole number, 0 to ${TIERS - 1}`)
}
