import type { loadZod } from '../../runtime/lazy.js'
import {
  ENDPOINT_LIMITS_DEFAULTS,
  LIMITS_DEFAULTS,
  OUTLIER_DEFAULTS,
  RETRY_BUDGET_DEFAULTS,
  RETRY_DEFAULTS,
} from '../defaults.js'
import { type FieldKinds, MAX_COUNT, MAX_MS, TOKEN } from '../fields.js'
import { wrong } from '../words.js'

type Zod = ReturnType<typeof loadZod>

/** Ejection after failures of requests. */
export function outlierShape({ number }: FieldKinds) {
  const count = (key: keyof typeof OUTLIER_DEFAULTS, what: string, source?: string) =>
    number({
      integer: true,
      min: 0,
      max: MAX_COUNT,
      default: `${OUTLIER_DEFAULTS[key]}`,
      source,
      about: `${what} in a row that eject an endpoint; 0 turns it off.`,
    })
  const ms = (key: keyof typeof OUTLIER_DEFAULTS, about: string, source?: string) =>
    number({
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      default: key.startsWith('max')
        ? `${OUTLIER_DEFAULTS[key]}, or the base where that is longer`
        : `${OUTLIER_DEFAULTS[key]}`,
      source,
      about,
    })
  return {
    consecutiveLocalOrigin: count(
      'consecutiveLocalOrigin',
      'Connection failures, resets and time-outs',
      'Envoy',
    ),
    consecutiveGatewayErrors: count('consecutiveGatewayErrors', 'Answers of 502, 503 or 504', 'Envoy'),
    consecutiveBodyFailures: count(
      'consecutiveBodyFailures',
      'Bodies that the endpoint broke, without a whole one between them,',
    ),
    consecutive5xx: count('consecutive5xx', '5xx answers', 'Envoy'),
    failurePercentageThreshold: number({
      min: 0,
      max: 100,
      unit: '%',
      default: `${OUTLIER_DEFAULTS.failurePercentageThreshold}`,
      about:
        "Share of an endpoint's requests that are connection failures, in a row or not, that ejects it, if it is also three times the share of the median endpoint; 0 turns it off.",
    }),
    failurePercentageRequestVolume: number({
      integer: true,
      min: 1,
      max: MAX_COUNT,
      default: `${OUTLIER_DEFAULTS.failurePercentageRequestVolume}`,
      about: 'Requests of an endpoint that such a share must be of, at least.',
    }),
    failurePercentageWindowMs: number({
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      default: `${OUTLIER_DEFAULTS.failurePercentageWindowMs}`,
      about: 'Longest time over which they are counted, from a failure on.',
    }),
    baseConnectEjectionMs: ms(
      'baseConnectEjectionMs',
      'First ejection after connection failures, gateway errors, broken bodies or no answers; doubled each time.',
    ),
    maxConnectEjectionMs: ms('maxConnectEjectionMs', 'Longest such ejection.'),
    baseEjectionMs: ms(
      'baseEjectionMs',
      'Ejection after 5xx answers that are not 502, 503 or 504 in a row, times the number of ejections so far.',
      'Envoy',
    ),
    maxEjectionMs: ms('maxEjectionMs', 'Longest ejection after 5xx answers.', 'Envoy'),
    maxEjectionPercent: number({
      min: 0,
      max: 100,
      unit: '%',
      default: `${OUTLIER_DEFAULTS.maxEjectionPercent}`,
      source: 'Envoy',
      about:
        'Share of the endpoints that 5xx answers may eject at once; one is always allowed where two or more are left. Not for 502, 503, 504 in a row, nor for connection failures.',
    }),
    maxParkMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: `${OUTLIER_DEFAULTS.maxParkMs}`,
      about:
        'Longest time that an endpoint is left alone because it answered 429 or 503 with `Retry-After`; at most half of the endpoints at once. 0 turns it off.',
    }),
    reconnectMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: `${OUTLIER_DEFAULTS.reconnectMs}`,
      about:
        'Wait between two attempts to open a connection to an endpoint that was ejected because nobody could connect; the first that is accepted brings its probe request forward. 0 turns it off; active checks take its place.',
    }),
  }
}

/** Retries and their budget. */
export function retryShape(z: Zod, { number, list, bare, object }: FieldKinds) {
  const { attempts, statuses, methods, perTryTimeoutMs, backoffBaseMs, backoffMaxMs } = RETRY_DEFAULTS
  const { ratio, minPerSecond } = RETRY_BUDGET_DEFAULTS
  const method = (word: string) => TOKEN.test(word) && word === word.toUpperCase() && word !== 'CONNECT'
  return {
    attempts: number({
      integer: true,
      min: 1,
      max: 100,
      default: `${attempts}`,
      about: 'Tries of one request, the first included; 1 turns retries off.',
    }),
    statuses: list(
      bare({ integer: true, min: 400, max: 599, about: '' }),
      'an array of status codes from 400 to 599',
      {
        default: `\`[${statuses.join(', ')}]\``,
        about: 'Status codes worth another try.',
      },
    ),
    perTryTimeoutMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: `${perTryTimeoutMs}`,
      about: "Time that each try may wait for the response's headers; 0 is no limit.",
    }),
    methods: list(
      z.string({ error: (issue) => wrong('a method like `GET`', issue.input) }).check(
        z.refine(method, {
          error: (issue) => wrong('a method in upper case like `GET`, and not CONNECT', issue.input),
        }),
      ),
      'an array of methods',
      {
        default: `\`${methods.join(', ')}\``,
        source: 'RFC 9110, idempotent methods',
        about: 'Methods that may be sent twice.',
      },
    ),
    budget: z.optional(
      object({
        ratio: number({
          min: 0,
          max: 10,
          step: 0.001,
          default: `${ratio}`,
          source: 'Finagle',
          about: 'Retries that each request allows.',
        }),
        minPerSecond: number({
          integer: true,
          min: 0,
          max: 10_000,
          unit: 'retries/s',
          default: `${minPerSecond}`,
          source: 'Finagle',
          about: 'Retries allowed each second whatever the traffic.',
        }),
      }),
    ),
    backoffBaseMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: `${backoffBaseMs}`,
      source: 'Envoy',
      about: 'Wait before a retry after a status or a reset: at random between 0 and this, doubled each try.',
    }),
    backoffMaxMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: `${backoffMaxMs}, or the base where that is longer`,
      source: 'Envoy',
      about: 'Longest such wait.',
    }),
  }
}

/** Requests in flight. */
export function limitsShape(z: Zod, { number, object }: FieldKinds) {
  const requests = (fallback: number, about: string, source?: string) =>
    number({
      integer: true,
      min: 0,
      max: MAX_COUNT,
      default: `${fallback}`,
      source,
      about: `${about} 0 is no limit.`,
    })
  return {
    maxRequests: requests(LIMITS_DEFAULTS.maxRequests, 'Requests in flight to the service as a whole.'),
    perEndpoint: z.optional(
      object({
        maxRequests: requests(
          ENDPOINT_LIMITS_DEFAULTS.maxRequests,
          'Requests in flight to one endpoint; never exceeded.',
          'Envoy',
        ),
      }),
    ),
  }
}
