import { HISTOGRAM_SUB_BITS } from '../layout.js'

const SUB = 1 << HISTOGRAM_SUB_BITS
const US_PER_MS = 1000

/** The bucket of a latency from 0 to MAX_LATENCY_MS: 8 to an octave of microseconds; anything below 1 us is in bucket 0. */
export function bucketOf(latencyMs: number): number {
  const us = (latencyMs * US_PER_MS) >>> 0
  if (us === 0) return 0
  const octave = 31 - Math.clz32(us)
  const eighth =
    octave >= HISTOGRAM_SUB_BITS ? us >>> (octave - HISTOGRAM_SUB_BITS) : us << (HISTOGRAM_SUB_BITS - octave)
  return (octave << HISTOGRAM_SUB_BITS) | (eighth & (SUB - 1))
}
