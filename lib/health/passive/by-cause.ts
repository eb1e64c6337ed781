import { connectionEjectionMs, statusEjectionMs } from './backoff.js'
import { CAUSE, type Cause } from './ejection-words.js'
import type { EjectionOptions } from './options.js'

/** Whether a run of failures is long enough to eject. */
export const reaches = (run: number, threshold: number): boolean => threshold > 0 && run >= threshold

/** Whether such ejections are turned off. */
export function isOff(cause: Cause, options: EjectionOptions): boolean {
  switch (cause) {
    case CAUSE.CONNECTION:
    case CAUSE.UNREACHABLE:
      return options.consecutiveLocalOrigin === 0
    case CAUSE.STATUS:
      return options.consecutive5xx === 0
    case CAUSE.GATEWAY:
      return options.consecutiveGatewayErrors === 0
    case CAUSE.BODIES:
      return options.consecutiveBodyFailures === 0
    case CAUSE.RATE:
      return options.failurePercentageThreshold === 0
    default:
      // Silence has no threshold here: `outlier: false` alone turns it off.
      return options.baseConnectEjectionMs === 0
  }
}

/** The numbers of a back-off, in ms. */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
  /** Time without an ejection after which one past ejection counts no more. */
  readonly forgetMs: number
  readonly ejectionMs: typeof connectionEjectionMs
}

/** It takes about as long as this to see once more that bodies break, that nothing is answered, or that too much fails. */
const SLOW_EVIDENCE_MS = 30_000

export function backoffOf(cause: Cause, options: EjectionOptions): Backoff {
  if (cause === CAUSE.STATUS) {
    const { baseEjectionMs: baseMs, maxEjectionMs: maxMs } = options
    return { baseMs, maxMs, forgetMs: baseMs, ejectionMs: statusEjectionMs }
  }
  const { baseConnectEjectionMs: baseMs, maxConnectEjectionMs: maxMs } = options
  const isSlow = cause === CAUSE.BODIES || cause === CAUSE.SILENCE || cause === CAUSE.RATE
  const forgetMs = isSlow ? Math.max(baseMs, SLOW_EVIDENCE_MS) : baseMs
  return { baseMs, maxMs, forgetMs, ejectionMs: connectionEjectionMs }
}
