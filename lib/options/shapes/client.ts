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
const UNDICI = "undici's"
const DISPATCHER_OR_NAME =
  'a function `(endpoint, options) => Dispatcher`, an undici `Dispatcher`, or a name given to `defineDispatcher`'

/** Options of the undici `Pool` of each endpoint, within the ranges that undici 7 takes, so that none fails later. */
export function clientShape(
  z: ReturnType<typeof loadZod>,
  { number, flag, text, record, documented }: FieldKinds,
) {
  const ms = (about: string, min: number, integer = true) =>
    number({ integer, min, max: MAX_TIMER_MS, unit: 'ms', default: UNDICI, source: 'undici 7', about })
  const count = (about: string, min: number) =>
    number({ integer: true, min, max: MAX_COUNT, default: UNDICI, source: 'undici 7', about })
  return {
    connect: record('an object of TLS and socket options', {
      default: UNDICI,
      about:
        'TLS and socket options: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`, ... as for `tls.connect`.',
    }),
    connections: count('Connections to one endpoint.', 1),
    pipelining: count(
      'Requests sent over one connection before the first answer; 0 turns keep-alive off.',
      0,
    ),
    allowH2: flag({ default: UNDICI, about: 'Whether HTTP/2 is spoken with endpoints that offer it.' }),
    headersTimeout: ms("Wait for a response's headers; 0 is no limit.", 0),
    bodyTimeout: ms("Wait between two parts of a response's body; 0 is no limit.", 0),
    connectTimeout: ms('Wait for a connection; 0 is no limit.', 0),
    keepAliveTimeout: ms('Time after which an idle connection is closed.', 1),
    keepAliveMaxTimeout: ms('Longest such time that an endpoint may ask for.', 1),
    maxConcurrentStreams: count('Streams of one HTTP/2 connection.', 1),
    maxHeaderSize: number({
      integer: true,
      min: 1,
      max: MAX_BYTES,
      unit: 'bytes',
      default: UNDICI,
      source: 'undici 7',
      about: 'Longest headers of a response.',
    }),
    maxResponseSize: number({
      integer: true,
      min: -1,
      max: MAX_BYTES,
      unit: 'bytes',
      default: UNDICI,
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
        default: 'an undici `Pool`',
        about:
          'Sends the requests in the place of an undici `Pool`; see [clients.md](clients.md#dispatchers-of-your-own).',
      },
    ),
  }
}
