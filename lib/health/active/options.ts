/** The options of active checks: `health` of a service. */

import { MAX_MS, REQUEST_PATH } from '../../options/common.js'
import { type Faults, join } from '../../options/faults.js'
import { checkHeaders, headers } from '../../options/headers.js'
import { HOST_HEADER } from '../../options/host-header.js'
import { choice, either, flag, group, isRecord, list, number, pair, text, ts } from '../../options/kinds.js'
import { withDefaults } from '../../options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../../options/types.js'
import { grouped } from '../../options/words.js'

const MAX_CHECKS = 1_000

const STATUS = number({ integer: true, min: 100, max: 599 })

export const HTTP_CHECK = group(
  {
    path: text({
      right: 'a path like `/healthz`',
      pattern: REQUEST_PATH,
      default: '/',
      about: 'Path that is asked for.',
    }),
    method: choice(['GET', 'HEAD'], { default: 'GET', about: 'Method of the check.' }),
    expect: list(
      either([STATUS, pair(STATUS)], {
        right: 'a status code from 100 to 599, or a range `[from, to]` of them',
      }),
      {
        right: 'an array of status codes and ranges `[from, to]`',
        nonEmpty: true,
        default: [[200, 299]],
        defaultText: '`[[200,299]]`',
        about: 'Status codes that pass.',
      },
    ),
    headers: headers('Headers that are sent along.'),
    host: text({
      right: 'a host like `users.internal`',
      pattern: HOST_HEADER,
      defaultText: "the endpoint's",
      about: 'Host header, and SNI name over https.',
    }),
    agent: flag({
      default: false,
      source: 'HAProxy',
      about: "The answer's body is an agent's words on weight and state, like `up 75% maxconn:100`.",
    }),
  },
  { off: true, summary: 'Asks each endpoint over HTTP.' },
)

export const HEALTH = group(
  {
    http: HTTP_CHECK,
    tcp: either([flag(), group({})], {
      right: 'true or false',
      type: 'boolean',
      range: '`true`, or `{}`',
      ts: ts<boolean | Record<string, never>>('boolean | Record<string, never>'),
      default: false,
      about: 'Checks that a connection can be made.',
    }),
    interval: number({
      integer: true,
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      default: 2_000,
      source: 'HAProxy',
      about: 'Time between two checks of one endpoint.',
    }),
    timeout: number({
      integer: true,
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      default: 1_000,
      unless: 'or the interval where that is shorter',
      about: 'Time that one check may take; at most `interval`.',
    }),
    rise: number({
      integer: true,
      min: 1,
      max: MAX_CHECKS,
      default: 2,
      source: 'HAProxy',
      about: 'Passing checks in a row that bring an endpoint back.',
    }),
    fall: number({
      integer: true,
      min: 1,
      max: MAX_CHECKS,
      default: 2,
      about: 'Failing checks in a row that take an endpoint out.',
    }),
    jitter: number({
      min: 0,
      max: 1,
      default: 0.1,
      about: 'Share of the interval by which each wait varies.',
    }),
  },
  {
    name: 'HealthConfig',
    off: true,
    summary: "Active checks of a service's endpoints, over `http` or `tcp`.",
  },
)

type HealthConfig = ConfigOf<typeof HEALTH.shape>
type AnyHttpCheck = ResolvedOf<typeof HTTP_CHECK.shape>

export interface ResolvedHttpCheck extends Omit<AnyHttpCheck, 'expect'> {
  /** Inclusive ranges of passing status codes. */
  readonly expect: readonly (readonly [number, number])[]
}

export interface ResolvedHealth extends Omit<ResolvedOf<typeof HEALTH.shape>, 'http' | 'tcp'> {
  /** Either this, or `tcp` is true. */
  readonly http?: ResolvedHttpCheck
  readonly tcp: boolean
}

/** Checked options with their defaults. */
export function resolveHealth(config: HealthConfig): ResolvedHealth {
  const { http, tcp, ...timing } = withDefaults(HEALTH.shape, config)
  const timeout = config.timeout ?? Math.min(timing.timeout, timing.interval)
  if (http === undefined) return { tcp: tcp !== false, ...timing, timeout }
  return { tcp: false, ...timing, timeout, http: resolveHttpCheck(http) }
}

/** The options of HTTP checks alone. */
export function resolveHttpCheck(config: ConfigOf<typeof HTTP_CHECK.shape>): ResolvedHttpCheck {
  const http = withDefaults(HTTP_CHECK.shape, config)
  const expect = http.expect.map((item) =>
    typeof item === 'number' ? ([item, item] as const) : ([item[0], item[1]] as const),
  )
  return { ...http, expect }
}

/** How the options go together, whether or not each of them is right. */
export function checkHealth(health: unknown, path: string, faults: Faults): void {
  if (!isRecord(health)) return
  const { http, tcp = false, interval = HEALTH.shape.interval.default, timeout } = health
  if (http !== undefined && tcp !== false)
    faults.add(path, 'has both `http` and `tcp`; an endpoint is checked in one way, leave one out')
  if (http === undefined && tcp === false)
    faults.add(
      path,
      "says nothing to check; add `http: { path: '/healthz' }` or `tcp: true`, or leave `health` out",
    )
  if (typeof timeout === 'number' && typeof interval === 'number' && timeout > interval) {
    faults.add(
      join(path, 'timeout'),
      `must be at most \`interval\`, which is ${grouped(interval)} ms; it is ${grouped(timeout)} ms`,
    )
  }
  if (!isRecord(http)) return
  if (http.agent === true && http.method === 'HEAD')
    faults.add(
      join(join(path, 'http'), 'method'),
      "is `HEAD`, which gets no body for the agent's words; use `GET`",
    )
  checkRanges(http.expect, join(join(path, 'http'), 'expect'), faults)
  checkHeaders(http.headers, join(join(path, 'http'), 'headers'), faults)
}

function checkRanges(expect: unknown, path: string, faults: Faults): void {
  if (!Array.isArray(expect)) return
  expect.forEach((item: unknown, i) => {
    if (Array.isArray(item) && item.length === 2 && item[0] > item[1]) {
      faults.add(join(path, i), `is a range that ends before it begins; write \`[${item[1]}, ${item[0]}]\``)
    }
  })
}
