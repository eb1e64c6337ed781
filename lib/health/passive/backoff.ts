/**
 * How long an ejection lasts, and how past ejections are forgotten: pure functions.
 *
 * The number of ejections need not be lowered by a timer: whoever ejects an endpoint calls `nextEjections` with
 * the time since the last ejection ended.
 */

/**
 * Ejection after connection failures in ms: `base x 2^(ejections - 1)`, at most `max`. A process that restarts is back
 * within seconds, so this one starts short.
 *
 * @param ejections at least 1: this ejection is counted
 */
export const connectionEjectionMs = (ejections: number, baseMs: number, maxMs: number): number =>
  Math.min(maxMs, baseMs * 2 ** (ejections - 1))

/**
 * Ejection after 5xx answers in ms: `base x ejections`, at most `max`. Envoy's formula ("base_ejection_time multiplied by
 * the number of times the host has been ejected in a row", capped by max_ejection_time).
 *
 * @param ejections at least 1: this ejection is counted
 */
export const statusEjectionMs = (ejections: number, baseMs: number, maxMs: number): number =>
  Math.min(maxMs, baseMs * ejections)

/**
 * Ejections that still count after an endpoint was in for `quietMs`: one fewer for each whole `baseMs` without a new
 * ejection, down to 0. (Envoy lowers its multiplier once each `interval` in which the host is in.)
 */
export const decayedEjections = (ejections: number, quietMs: number, baseMs: number): number =>
  Math.max(0, ejections - Math.max(0, Math.floor(quietMs / baseMs)))

/**
 * The count for a new ejection: what is left of the past ones, plus one. It does not grow beyond the first count that
 * reaches `maxMs`, else an endpoint that was down for a day would take as long to be trusted again (Envoy stops there too).
 *
 * @param quietMs since the end of the last ejection; 0 or less while there was none
 * @param ejectionMs `connectionEjectionMs` or `statusEjectionMs`
 * @param forgetMs quiet time after which one past ejection counts no more
 */
export function nextEjections(
  ejections: number,
  quietMs: number,
  baseMs: number,
  maxMs: number,
  ejectionMs: (ejections: number, baseMs: number, maxMs: number) => number,
  forgetMs: number = baseMs,
): number {
  const left = decayedEjections(ejections, quietMs, forgetMs)
  return left > 0 && ejectionMs(left, baseMs, maxMs) >= maxMs ? left : left + 1
}
