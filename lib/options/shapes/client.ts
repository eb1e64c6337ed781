import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from '../../model/index.js'
import { isDispatcher } from '../../runtime/dispatchers.js'
import type { loadZod } from '../../runtime/lazy.js'
import { DEFAULT_HOST_HEADER } from '../defaults.js'
import { type FieldKinds, MAX_COUNT } from '../fields.js'
import { wrong } from '../words.js'
import { HOST_HEADER } from './health.js'

/** Longest wait of a Node timer. */
const MAX_TIMER_MS = 2_147_483_647
const MAX_BYTES = Number.MAX_SAFE_INTEGER
const DISPATCHER_OR_NAME =
  'a function `(endpoint, options) => Dispatcher`, an undici `Dispatcher`, or a name given to `defineDispatcher`'

/** Options of the connections to each endpoint, most of them undici's, within the ranges that undici 7 takes, so that none fails later. */
export function clientShape(
  z: ReturnType<typeof loadZod>,
  { number, flag, text, record, documented }: FieldKinds,
) {
  // What is not set is not passed on: these defaults are undici's own.
  const ms = (about: string, min: number, byDefault: string) =>
    number({
      integer: true,
      min,
      max: MAX_TIMER_MS,
      unit: 'ms',
      default: byDefault,
      source: 'undici 7',
      about,
    })
  const count = (about: string, min: number, byDefault: string, source = 'undici 7') =>
    number({ integer: true, min, max: MAX_COUNT, default: byDefault, source, about })
  return {
    connect: record('an object of TLS and socket options', {
      default: "Node's",
      about:
        'TLS and socket options: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`, ... as for `tls.connect`.',
    }),
    connections: count(
      'Connections to one endpoint, of each thread. Requests beyond them wait in line.',
      1,
      'no limit',
    ),
    maxConnectionAgeMs: number({
      integer: true,
      min: 0,
      max: MAX_TIMER_MS,
      unit: 'ms',
      default: '0',
      source: 'Envoy, undici: off',
      about:
        'Age, longer or shorter by up to a tenth, at which a connection is replaced when its requests have ended; 0 is no limit.',
    }),
    pipelining: count(
      'Requests sent over one HTTP/1.1 connection before the first answer; 0 turns keep-alive off.',
      0,
      '1',
    ),
    allowH2: flag({
      default: 'false',
      source: 'undici 7',
      about: 'Whether HTTP/2 is spoken with endpoints that offer it.',
    }),
    headersTimeout: ms("Wait for a response's headers; 0 is no limit.", 0, '300,000'),
    bodyTimeout: ms("Wait between two parts of a response's body; 0 is no limit.", 0, '300,000'),
    connectTimeout: ms('Wait for a connection to open; 0 is no limit.', 0, '10,000'),
    keepAliveTimeout: ms(
      'Time after which an idle HTTP/1.1 connection is closed, unless the endpoint says how long it keeps it.',
      1,
      '4,000',
    ),
    keepAliveMaxTimeout: ms('Longest such time that an endpoint may ask for.', 1, '600,000'),
    maxConcurrentStreams: count(
      'Requests at a time over one HTTP/2 connection; fewer where the endpoint allows fewer.',
      1,
      '100',
    ),
    maxHeaderSize: number({
      integer: true,
      min: 1,
      max: MAX_BYTES,
      unit: 'bytes',
      default: "16,384 (Node's)",
      source: 'undici 7',
      about: 'Longest headers of a response.',
    }),
    maxResponseSize: number({
      integer: true,
      min: -1,
      max: MAX_BYTES,
      unit: 'bytes',
      default: '-1',
      source: 'undici 7',
      about: 'Longest body of a response; -1 is no limit.',
    }),
    host: text({
      right: "'endpoint', 'service', 'request', or a host like `users.internal`",
      pattern: HOST_HEADER,
      default: `\`'${DEFAULT_HOST_HEADER}'\``,
      about:
        "Host header: the endpoint's own, the service's name, the request's own where it has one (else the endpoint's; in the proxy the client's), or this text.",
    }),
    allowPlaintext: flag({
      default: 'false',
      about: 'Whether a request for `https:` or `wss:` may go to an `http:` endpoint, in clear text.',
    }),
    dispatcher: documented(
      z.custom<Dispatcher | DispatcherFactory | string>(
        (value) => typeof value === 'string' || typeof value === 'function' || isDispatcher(value),
        { error: (issue) => wrong(DISPATCHER_OR_NAME, issue.input) },
      ),
      {
        type: 'function, object or string',
        range: DISPATCHER_OR_NAME,
        default: "fairlead's own connections",
        about:
          "Sends the requests in the place of fairlead's own connections; see [clients.md](clients.md#dispatchers-of-your-own).",
      },
    ),
  }
}
