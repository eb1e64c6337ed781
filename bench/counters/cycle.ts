/** `pick` and `end` of an engine's core, latency recorded, with some requests in flight: what every request does. */
import type { Access } from './block.js'

/** A power of two, so that a position is a mask away. */
const IN_FLIGHT = 16
const LATENCIES = 1024
const SUCCEEDED = 0

/** Latencies of 1 to 8 ms. */
const latencies = Float64Array.from({ length: LATENCIES }, (_, i) => 1 + (i % 8))

/** The next request in place of the one that was picked `IN_FLIGHT` ago, which ends; returns the slot. */
export function cycle({ core, pick }: Access): (count: number) => number {
  const slots = new Int32Array(IN_FLIGHT)
  const starts = new Float64Array(IN_FLIGHT)
  const take = (at: number): number => {
    const slot = pick()
    if (slot < 0) throw new Error('an endpoint without limit refused a request')
    slots[at] = slot
    starts[at] = core.startedAt()
    return slot
  }
  for (let at = 0; at < IN_FLIGHT; at++) take(at)
  return (count) => {
    const at = count & (IN_FLIGHT - 1)
    core.end(slots[at], starts[at], SUCCEEDED, latencies[count & (LATENCIES - 1)])
    return take(at)
  }
}
