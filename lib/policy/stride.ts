import { TWO_TO_32 } from '../runtime/bits.js'
import { reserveFrom } from './choose.js'
import type { PolicyPicker, PolicyView } from './policy.js'

/** Weights are scaled so that the largest is this. */
const LARGEST = 65535
/** Where in its stride an endpoint starts: half a stride a position, so that light endpoints do not come together. */
const OFFSET = LARGEST / 2
/**
 * Each of the view's endpoints in proportion to its weight, spread evenly over time. A ticket from the service's cursor
 * names a round and a position; the position is taken in this round where its weight's stride steps over a multiple of
 * the largest weight, else the next ticket is asked (gRPC's static stride scheduler, which needs nothing shared but the
 * cursor). The heaviest endpoint is taken in each round, one of half its weight in every second.
 * @param weights by position, above 0; at least one
 */
export function strideOver(view: PolicyView, weights: Float64Array): PolicyPicker {
  const { service, slots, state } = view
  const n = slots.length
  let largest = 0
  for (const weight of weights) if (weight > largest) largest = weight
  const strides = weights.map((weight) => Math.max(1, Math.round((weight / largest) * LARGEST)))
  // Above 65,536 endpoints the cycle is cut to what 32 bits count.
  const tickets = n * Math.min(LARGEST, Math.floor(TWO_TO_32 / n))
  return () => {
    for (;;) {
      const ticket = state.core.nextPosition(service, tickets)
      const position = ticket % n
      const round = Math.floor(ticket / n)
      const stride = strides[position]
      if ((stride * round + Math.floor(position * OFFSET)) % LARGEST >= LARGEST - stride)
        return reserveFrom(view, slots, position)
    }
  }
}
