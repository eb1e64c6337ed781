import type { SharedState } from '../engine/state.js'
import type { PickOptions } from '../model/index.js'
import { hashText } from '../policy/hash.js'
import type { PolicyPicker } from '../policy/policy.js'
import { TWO_TO_32 } from '../runtime/bits.js'

/** Other than what the policies hash a key by: else each part would see only one stretch of its hashes. */
const SEED = 0x70617274

export interface Share {
  readonly share: number
  readonly picker: PolicyPicker
}

/**
 * Requests spread over parts by their shares: at random, or by the key of a request whose policy chooses by it, so that
 * it stays in its part as long as the shares do. Where every endpoint of the part is at its limit the next part is asked.
 * One part costs nothing.
 * @param keyOf what a request's choice depends on, where the policy chooses by that alone
 */
export function mixtureOf(
  state: SharedState,
  parts: readonly Share[],
  keyOf: ((request: PickOptions) => string | undefined) | undefined,
): PolicyPicker {
  if (parts.length === 0) return () => -1
  if (parts.length === 1) return parts[0].picker
  const ends = new Float64Array(parts.length)
  let end = 0
  parts.forEach(({ share }, i) => {
    end += share * TWO_TO_32
    ends[i] = end
  })
  // Shares add up to 1 but for their rounding.
  ends[parts.length - 1] = TWO_TO_32
  return (request) => {
    const key = keyOf?.(request)
    const draw = key === undefined ? state.core.random() : hashText(key, SEED)
    let at = 0
    while (draw >= ends[at]) at++
    for (let i = 0; i < parts.length; i++) {
      const slot = parts[at].picker(request)
      if (slot >= 0) return slot
      if (++at === parts.length) at = 0
    }
    return -1
  }
}
