import type { loadZod } from '../../runtime/lazy.js'
import { HEALTH_DEFAULTS, HTTP_CHECK_DEFAULTS } from '../defaults.js'
import { type FieldKinds, MAX_MS } from '../fields.js'
import { wrong } from '../words.js'

const MAX_CHECKS = 1_000
/** What can stand in a request line: a path with an optional query, no fragment. */
const REQUEST_PATH = /^\/[!-"$-~]*$/
/** A host, with a port if need be. */
export const HOST_HEADER = /^[A-Za-z0-9._~!$&'()*+,;=%[\]:-]+$/

/** Active checks: `http` or `tcp`, and when an endpoint counts as healthy. */
export function healthShape(z: ReturnType<typeof loadZod>, kinds: FieldKinds) {
  const { number, object, text, choice, flag, record, list, documented, bare } = kinds
  const { interval, timeout, rise, fall, jitter } = HEALTH_DEFAULTS
  const status = () => bare({ integer: true, min: 100, max: 599, about: '' })
  const expectRight = 'a status code from 100 to 599, or a range `[from, to]` of them'
  return {
    http: z.optional(
      object({
        path: text({
          right: 'a path like `/healthz`',
          pattern: REQUEST_PATH,
          default: `\`${HTTP_CHECK_DEFAULTS.path}\``,
          about: 'Path that is asked for.',
        }),
        method: choice(['GET', 'HEAD'], {
          default: `\`${HTTP_CHECK_DEFAULTS.method}\``,
          about: 'Method of the check.',
        }),
        expect: list(
          z.union([status(), z.tuple([status(), status()])], {
            error: (issue) => wrong(expectRight, issue.input),
          }),
          'an array of status codes and ranges `[from, to]`',
          {
            nonEmpty: true,
            default: `\`${JSON.stringify(HTTP_CHECK_DEFAULTS.expect)}\``,
            about: 'Status codes that pass.',
          },
        ),
        headers: record('an object of header values by name', {
          default: '`{}`',
          about: 'Headers that are sent along.',
        }),
        host: text({
          right: 'a host like `users.internal`',
          pattern: HOST_HEADER,
          default: "the endpoint's",
          about: 'Host header, and SNI name over https.',
        }),
        agent: flag({
          default: `${HTTP_CHECK_DEFAULTS.agent}`,
          source: 'HAProxy',
          about: "The answer's body is an agent's words on weight and state, like `up 75% maxconn:100`.",
        }),
      }),
    ),
    tcp: z.optional(
      documented(
        z.union([z.boolean(), object({})], { error: (issue) => wrong('true or false', issue.input) }),
        {
          type: 'boolean',
          range: '`true`, or `{}`',
          default: 'false',
          about: 'Checks that a connection can be made.',
        },
      ),
    ),
    interval: number({
      integer: true,
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      default: `${interval}`,
      source: 'HAProxy',
      about: 'Time between two checks of one endpoint.',
    }),
    timeout: number({
      integer: true,
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      default: `${timeout}, or the interval where that is shorter`,
      about: 'Time that one check may take; at most `interval`.',
    }),
    rise: number({
      integer: true,
      min: 1,
      max: MAX_CHECKS,
      default: `${rise}`,
      source: 'HAProxy',
      about: 'Passing checks in a row that bring an endpoint back.',
    }),
    fall: number({
      integer: true,
      min: 1,
      max: MAX_CHECKS,
      default: `${fall}`,
      about: 'Failing checks in a row that take an endpoint out.',
    }),
    jitter: number({
      min: 0,
      max: 1,
      default: `${jitter}`,
      about: 'Share of the interval by which each wait varies.',
    }),
  }
}
