/** The options of passive detection, `outlier` of a service: when real requests eject an endpoint, and for how long. */
import { MAX_COUNT, MAX_MS } from '../../options/common.js'
import type { Faults } from '../../options/faults.js'
import { group, number } from '../../options/kinds.js'
import { checkOrder } from '../../options/order.js'
import { withDefaults } from '../../options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../../options/types.js'

/** Failures in a row. */
const RUN = { integer: true, min: 0, max: MAX_COUNT } as const
const WAIT = { max: MAX_MS, unit: 'ms' } as const
const OR_BASE = 'or the base where that is longer'

export const OUTLIER = group(
  {
    consecutiveLocalOrigin: number({
      ...RUN,
      default: 5,
      source: 'Envoy',
      about: 'Connection failures, resets and time-outs in a row that eject an endpoint; 0 turns it off.',
    }),
    consecutiveGatewayErrors: number({
      ...RUN,
      default: 5,
      source: 'Envoy',
      about: 'Answers of 502, 503 or 504 in a row that eject an endpoint; 0 turns it off.',
    }),
    consecutiveBodyFailures: number({
      ...RUN,
      default: 5,
      about:
        'Bodies that the endpoint broke, without a whole one between them, in a row that eject an endpoint; 0 turns it off.',
    }),
    consecutive5xx: number({
      ...RUN,
      default: 5,
      source: 'Envoy',
      about: '5xx answers in a row that eject an endpoint; 0 turns it off.',
    }),
    failurePercentageThreshold: number({
      min: 0,
      max: 100,
      unit: '%',
      default: 5,
      about:
        "Share of an endpoint's requests that are connection failures, in a row or not, that ejects it, if it is also three times the share of the median endpoint; 0 turns it off.",
    }),
    failurePercentageRequestVolume: number({
      integer: true,
      min: 1,
      max: MAX_COUNT,
      default: 100,
      about: 'Requests of an endpoint that such a share must be of, at least.',
    }),
    failurePercentageWindowMs: number({
      ...WAIT,
      min: 1,
      default: 30_000,
      about: 'Longest time over which they are counted, from a failure on.',
    }),
    baseConnectEjectionMs: number({
      ...WAIT,
      min: 1,
      default: 1_000,
      about:
        'First ejection after connection failures, gateway errors, broken bodies or no answers; doubled each time.',
    }),
    maxConnectEjectionMs: number({
      ...WAIT,
      min: 1,
      default: 30_000,
      unless: OR_BASE,
      about: 'Longest such ejection.',
    }),
    baseEjectionMs: number({
      ...WAIT,
      min: 1,
      default: 30_000,
      source: 'Envoy',
      about:
        'Ejection after 5xx answers that are not 502, 503 or 504 in a row, times the number of ejections so far.',
    }),
    maxEjectionMs: number({
      ...WAIT,
      min: 1,
      default: 300_000,
      unless: OR_BASE,
      source: 'Envoy',
      about: 'Longest ejection after 5xx answers.',
    }),
    maxEjectionPercent: number({
      min: 0,
      max: 100,
      unit: '%',
      default: 10,
      source: 'Envoy',
      about:
        'Share of the endpoints that 5xx answers may eject at once; one is always allowed where two or more are left. Not for 502, 503, 504 in a row, nor for connection failures.',
    }),
    maxParkMs: number({
      ...WAIT,
      min: 0,
      default: 30_000,
      about:
        'Longest time that an endpoint is left alone because it answered 429 or 503 with `Retry-After`; at most half of the endpoints at once. 0 turns it off.',
    }),
    reconnectMs: number({
      ...WAIT,
      min: 0,
      default: 1_000,
      about:
        'Wait between two attempts to open a connection to an endpoint that was ejected because nobody could connect; the first that is accepted brings its probe request forward. 0 turns it off; active checks take its place.',
    }),
  },
  {
    name: 'OutlierConfig',
    summary: 'When real requests eject an endpoint, and for how long.',
    orFalse: 'no endpoint is ejected',
  },
)

export type EjectionOptions = ResolvedOf<typeof OUTLIER.shape>

/** Nothing is ever ejected or parked. */
export const EJECTION_OFF = Object.fromEntries(
  Object.keys(OUTLIER.shape).map((name) => [name, 0]),
) as unknown as EjectionOptions

const PAIRS = [
  ['baseConnectEjectionMs', 'maxConnectEjectionMs'],
  ['baseEjectionMs', 'maxEjectionMs'],
] as const

/** How the options go together, whether or not each of them is right. */
export const checkOutlier = (outlier: unknown, path: string, faults: Faults): void =>
  checkOrder(outlier, PAIRS, OUTLIER.shape, path, faults)

/** Checked options with their defaults. */
export function resolveOutlier(config: ConfigOf<typeof OUTLIER.shape>): EjectionOptions {
  const all = withDefaults(OUTLIER.shape, config)
  return {
    ...all,
    maxConnectEjectionMs: Math.max(all.maxConnectEjectionMs, all.baseConnectEjectionMs),
    maxEjectionMs: Math.max(all.maxEjectionMs, all.baseEjectionMs),
  }
}
