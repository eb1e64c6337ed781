import { SLOT } from '../../engine/layout.js'
import type { SharedState } from '../../engine/state.js'

/**
 * `SLOT.EJECTION`. `PROBE_BODY`: the probe request was answered; the endpoint was ejected because its bodies broke, so
 * this one is waited for.
 */
export const EJECTION = { NONE: 0, EJECTED: 1, AWAITING_PROBE: 2, PROBING: 3, PROBE_BODY: 4 } as const

/**
 * How a request failed. `connect`: no connection at all. `local-origin`: it was lost, or too slow. `gateway`: an answer
 * of 502, 503 or 504. `status`: another answer of 5xx.
 */
export type Failure = 'connect' | 'local-origin' | 'gateway' | 'status'

/** `SLOT.EJECTION_CAUSE`: why an endpoint was ejected last. */
export const CAUSE = {
  NONE: 0,
  CONNECTION: 1,
  STATUS: 2,
  UNREACHABLE: 3,
  GATEWAY: 4,
  BODIES: 5,
  SILENCE: 6,
  RATE: 7,
} as const
export type Cause = (typeof CAUSE)[keyof typeof CAUSE]

/** By cause. */
export const CAUSE_WORDS: readonly string[] = [
  '',
  'connection failures',
  '5xx answers',
  'connection failures',
  'gateway errors',
  'broken bodies',
  'no answers',
  'rate of connection failures',
]

/**
 * Real requests proved that the endpoint cannot serve: it takes no load off the others by staying in, so no cap and no
 * panic threshold asks it again while anybody else is left. A 500 may be the fault of the request: it is Envoy's to cap.
 */
export const isProof = (cause: number): boolean => cause !== CAUSE.NONE && cause !== CAUSE.STATUS

/** Why an endpoint is out, or waits for the end of its probe; `CAUSE.NONE` where it is in. */
export const ejectedBy = (state: SharedState, slot: number): Cause =>
  state.get(slot, SLOT.EJECTION) === EJECTION.NONE
    ? CAUSE.NONE
    : (state.get(slot, SLOT.EJECTION_CAUSE) as Cause)
