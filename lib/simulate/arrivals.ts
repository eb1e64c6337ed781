import type { LoadConfig } from './config.js'
import type { RandomStream } from './random.js'

/** When the next request arrives after `now`, ms; Infinity: no more. */
export type Arrivals = (now: number) => number

const MS_PER_S = 1_000

/** @param perSecond requests a second on average, where the ramp is 1 */
export function arrivalsOf(
  { arrivals = 'poisson', ramp }: LoadConfig,
  perSecond: number,
  random: RandomStream,
): Arrivals {
  const perMs = perSecond / MS_PER_S
  if (typeof arrivals === 'object' && 'trace' in arrivals) return traced(arrivals.trace)
  const factor = ramp === undefined ? () => 1 : rampOf(ramp)
  if (arrivals === 'constant') return (now) => now + 1 / (perMs * factor(now))
  const most = ramp === undefined ? 1 : Math.max(...ramp.map((point) => point.factor))
  const steady =
    arrivals === 'poisson' ? poisson(perMs * most, random) : bursts(arrivals.onOff, perMs * most, random)
  if (ramp === undefined) return steady
  // Thinning (Lewis, Shedler 1979): candidates at the highest rate, of which the ramp's share is kept.
  return (now) => {
    for (let at = steady(now); ; at = steady(at))
      if (at === Number.POSITIVE_INFINITY || random.uniform() * most <= factor(at)) return at
  }
}

const poisson =
  (perMs: number, random: RandomStream): Arrivals =>
  (now) =>
    now + random.exponential(1 / perMs)

/** A Poisson process whose rate switches between two values; what both give on average is `perMs`. */
function bursts(
  { onMs, offMs, offShare = 0 }: { onMs: number; offMs: number; offShare?: number },
  perMs: number,
  random: RandomStream,
): Arrivals {
  const onRate = (perMs * (onMs + offMs)) / (onMs + offMs * offShare)
  let on = true
  let phaseEnd = random.exponential(onMs)
  return (now) => {
    let from = now
    for (;;) {
      const rate = on ? onRate : onRate * offShare
      const at = from + (rate > 0 ? random.exponential(1 / rate) : Number.POSITIVE_INFINITY)
      if (at <= phaseEnd) return at
      from = phaseEnd
      on = !on
      phaseEnd += random.exponential(on ? onMs : offMs)
    }
  }
}

function traced(times: readonly number[]): Arrivals {
  let next = 0
  return () => times[next++] ?? Number.POSITIVE_INFINITY
}

/** A line through points, level beyond both ends; of two points at one time the later one counts from there on. */
export function rampOf(points: readonly { atMs: number; factor: number }[]): (now: number) => number {
  const first = points[0]
  const last = points[points.length - 1]
  return (now) => {
    if (now < first.atMs) return first.factor
    for (let i = points.length - 1; i >= 0; i--) {
      const from = points[i]
      if (now < from.atMs) continue
      if (from === last) return last.factor
      const to = points[i + 1]
      return from.factor + ((to.factor - from.factor) * (now - from.atMs)) / (to.atMs - from.atMs)
    }
    return first.factor
  }
}
