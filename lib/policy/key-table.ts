import type { Picker } from '../engine/contract.js'
import { METRIC } from '../engine/layout.js'
import { toBelow } from '../runtime/bits.js'
import { loadBound } from './bounded-load.js'
import { reserveFrom } from './choose.js'
import { hashText, textOf } from './hash.js'
import type { PolicyPicker, PolicyView } from './policy.js'
import { twoChoices } from './two-choices.js'

/** Which slot holds a key, and which ones come after it where that one cannot take it. */
export interface KeyTable {
  /** Position of the slot that holds a key of this hash. */
  seek(hash: number): number
  slotAt(position: number): number
  /** The position to look at after `position`, at the `attempt`th failure, 1 and up. */
  next(position: number, hash: number, attempt: number): number
}

/** Positions looked at before the endpoints are asked one by one. */
const ATTEMPTS = 64

/**
 * Requests of one key go where the table says, or to the key's next slot where that one is not usable, above its bound
 * or at its limit. Since the table stays as it is while endpoints come and go by health, only the keys of those that are
 * out move. A request without a key goes to the less loaded of two endpoints.
 * @param current the table to look at now, which may be replaced between picks
 * @param hashBalanceFactor per cent; 0: no bound
 */
export function pickByTable(
  view: PolicyView,
  current: () => KeyTable,
  hashBalanceFactor: number,
): PolicyPicker {
  const { state, slots, isUsable } = view
  const { core } = state
  const bound = loadBound(view, hashBalanceFactor)
  const keyless = withoutKey(view)
  const lastResort = (hash: number): number => {
    const n = slots.length
    const start = toBelow(hash, n)
    for (let i = 0; i < n && bound !== undefined; i++) {
      const slot = slots[(start + i) % n]
      if (bound.admits(slot) && core.reserve(slot)) return slot
    }
    return reserveFrom(view, slots, start)
  }
  return ({ key }) => {
    if (slots.length === 0) return -1
    const text = textOf('key', key)
    if (text === undefined) return keyless()
    const hash = hashText(text)
    const table = current()
    bound?.begin()
    let position = table.seek(hash)
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const slot = table.slotAt(position)
      if (isUsable(slot) && (bound === undefined || bound.admits(slot)) && core.reserve(slot)) return slot
      position = table.next(position, hash, attempt)
    }
    return lastResort(hash)
  }
}

/** For requests without a key. */
export const withoutKey = (view: PolicyView): Picker => twoChoices(view, METRIC.IN_FLIGHT)
