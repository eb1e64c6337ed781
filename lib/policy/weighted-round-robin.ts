import { reserveFrom } from './choose.js'
import type { Policy } from './policy.js'
import { roundRobin } from './round-robin.js'

/** Weights are scaled so that the largest is this. */
const LARGEST = 65535
/** Where in its stride an endpoint starts: half a stride a position, so that light endpoints do not come together. */
const OFFSET = LARGEST / 2

/**
 * Each endpoint in proportion to its weight, spread evenly over time. A ticket from the service's cursor names a round
 * and a position; the position is taken in this round where its weight's stride steps over a multiple of the largest
 * weight, else the next ticket is asked (gRPC's static stride scheduler, which needs nothing shared but the cursor).
 * The heaviest endpoint is taken in each round, one of half its weight in every second. Equal weights are round robin.
 */
export const weightedRoundRobin: Policy = {
  name: 'weighted-round-robin',
  latency: 'plain',
  picker: (view, options) => {
    const { service, slots, state, usable } = view
    const n = slots.length
    const largest = usable.reduce((max, { endpoint }) => Math.max(max, endpoint.weight), 0)
    const strides = Float64Array.from(usable, ({ endpoint }) =>
      Math.max(1, Math.round((endpoint.weight / largest) * LARGEST)),
    )
    if (strides.every((stride) => stride === LARGEST)) return roundRobin.picker(view, options)
    // Above 65,536 endpoints the cycle is cut to what 32 bits count.
    const tickets = n * Math.min(LARGEST, Math.floor(4294967296 / n))
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
  },
}
