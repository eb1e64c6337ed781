/** The options of further tries, and of the budget that bounds them: `retry` of a service or a rule. */
import { MAX_MS, TOKEN } from '../options/common.js'
import type { Faults } from '../options/faults.js'
import { group, list, number, text } from '../options/kinds.js'
import { checkOrder } from '../options/order.js'
import { withDefaults } from '../options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../options/types.js'
import { BUDGET } from './budget.js'

export const RETRY = group(
  {
    attempts: number({
      integer: true,
      min: 1,
      max: 100,
      default: 3,
      about: 'Tries of one request, the first included; 1 turns retries off.',
    }),
    statuses: list(number({ integer: true, min: 400, max: 599 }), {
      right: 'an array of status codes from 400 to 599',
      default: [502, 503, 504],
      about: 'Status codes worth another try.',
    }),
    perTryTimeoutMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: 0,
      about: "Time that each try may wait for the response's headers; 0 is no limit.",
    }),
    methods: list(
      text({
        right: 'a method like `GET`',
        rightText: 'a method in upper case like `GET`, and not CONNECT',
        accept: (word) => TOKEN.test(word) && word === word.toUpperCase() && word !== 'CONNECT',
      }),
      {
        right: 'an array of methods',
        default: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
        source: 'RFC 9110, idempotent methods',
        about: 'Methods that may be sent twice.',
      },
    ),
    budget: BUDGET,
    backoffBaseMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: 25,
      source: 'Envoy',
      about: 'Wait before a retry after a status or a reset: at random between 0 and this, doubled each try.',
    }),
    backoffMaxMs: number({
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: 250,
      unless: 'or the base where that is longer',
      source: 'Envoy',
      about: 'Longest such wait.',
    }),
  },
  {
    name: 'RetryConfig',
    summary: 'Further tries of a request that failed, within a budget that all threads share.',
    orFalse: 'one try only',
  },
)

type RetryConfig = ConfigOf<typeof RETRY.shape>

export type ResolvedRetry = ResolvedOf<typeof RETRY.shape>

/** What of a service's retries a rule sets; the rest stays the service's own. */
export type RetryOverlay = Readonly<RetryConfig>

const BACKOFF_PAIR = [['backoffBaseMs', 'backoffMaxMs']] as const

/** How the options go together, whether or not each of them is right. */
export const checkRetry = (retry: unknown, path: string, faults: Faults): void =>
  checkOrder(retry, BACKOFF_PAIR, RETRY.shape, path, faults)

/** Retries in full: `overlay` laid over `base`, field by field; `false` is one try. */
export function resolveRetry(
  overlay: RetryOverlay | false,
  base: ResolvedRetry = withDefaults(RETRY.shape, {}),
): ResolvedRetry {
  if (overlay === false) return resolveRetry({ attempts: 1 }, base)
  const all = { ...base, ...overlay }
  return {
    ...all,
    statuses: [...new Set(all.statuses)],
    methods: [...new Set(all.methods)],
    backoffMaxMs: Math.max(all.backoffMaxMs, all.backoffBaseMs),
    budget: { ...base.budget, ...overlay.budget },
  }
}
