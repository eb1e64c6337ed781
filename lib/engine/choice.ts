/**
 * Which of two endpoints a request goes to: pure arithmetic, the same in both engines (`src/choice.hpp`), bit for bit.
 */
import { AT_REST_FACTOR, AT_REST_MS } from './layout.js'

/** Whether two latencies, in ms, differ by no more than what chance makes of equal endpoints. */
export const areNear = (a: number, b: number): boolean =>
  a > b ? a <= AT_REST_FACTOR * b + AT_REST_MS : b <= AT_REST_FACTOR * a + AT_REST_MS

/** Whether nothing is in flight at either of two endpoints, and their latencies, in ms, say nothing. */
export const areAlikeAtRest = (
  latencyFirst: number,
  latencySecond: number,
  inFlightFirst: number,
  inFlightSecond: number,
): boolean => inFlightFirst <= 0 && inFlightSecond <= 0 && areNear(latencyFirst, latencySecond)

/**
 * Whether a request leaves `first`, which was drawn by its weight, for `second`. Load is latency x (in-flight + 1) /
 * weight, and the lower one wins, with two exceptions:
 *
 * - At rest, with nothing in flight at either, latencies that are near say nothing: `first` keeps it. One request at a
 *   time, traffic so goes by weight, and two equal endpoints share it, whichever of them had the last hiccup.
 * - Where weights differ, `first` keeps it as well unless its load without this request exceeds the other's load with it:
 *   else an endpoint of small weight would be taken only once the others are busy (envoyproxy/envoy#31378).
 *
 * @param latencyFirst ms; 1 for both where latency does not count
 */
export function leavesFirst(
  latencyFirst: number,
  latencySecond: number,
  inFlightFirst: number,
  inFlightSecond: number,
  weightFirst: number,
  weightSecond: number,
): boolean {
  if (areAlikeAtRest(latencyFirst, latencySecond, inFlightFirst, inFlightSecond)) return false
  if (weightFirst !== weightSecond && areNear(latencyFirst, latencySecond))
    return (
      latencyFirst * (inFlightFirst / weightFirst) > latencySecond * ((inFlightSecond + 1) / weightSecond)
    )
  return (
    latencySecond * ((inFlightSecond + 1) / weightSecond) < latencyFirst * ((inFlightFirst + 1) / weightFirst)
  )
}
