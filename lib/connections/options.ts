/** The options of connections to endpoints: `client` of a service. */
import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from '../model/index.js'
import { MAX_COUNT } from '../options/common.js'
import { type Faults, join } from '../options/faults.js'
import { HOST_HEADER } from '../options/host-header.js'
import { flag, group, instance, isRecord, number, record, text, ts } from '../options/kinds.js'
import { withDefaults } from '../options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../options/types.js'
import { quoted } from '../options/words.js'
import { dispatcherFactory, dispatcherFactoryNames, isDispatcher, withGiven } from '../runtime/dispatchers.js'

/** Longest wait of a Node timer. */
const MAX_TIMER_MS = 2_147_483_647
const MAX_BYTES = Number.MAX_SAFE_INTEGER
const DISPATCHER_OR_NAME =
  'a function `(endpoint, options) => Dispatcher`, an undici `Dispatcher`, or a name given to `defineDispatcher`'

/** What is not set is not passed on, so undici's own default holds. */
const UNDICI = { otherwise: "undici's" } as const
/** Within the ranges that undici 7 takes, so that none fails later. */
const COUNT = { ...UNDICI, integer: true, max: MAX_COUNT, source: 'undici 7' } as const
const WAIT = { ...UNDICI, integer: true, max: MAX_TIMER_MS, unit: 'ms', source: 'undici 7' } as const
const SIZE = { ...UNDICI, integer: true, max: MAX_BYTES, unit: 'bytes', source: 'undici 7' } as const

export const CLIENT = group(
  {
    connect: record('an object of TLS and socket options', {
      ...UNDICI,
      ts: ts<Record<string, unknown>>('Record<string, unknown>'),
      about:
        'TLS and socket options: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`, ... as for `tls.connect`.',
    }),
    connections: number({ ...COUNT, min: 1, about: 'Connections to one endpoint.' }),
    pipelining: number({
      ...COUNT,
      min: 0,
      about: 'Requests sent over one connection before the first answer; 0 turns keep-alive off.',
    }),
    allowH2: flag({ ...UNDICI, about: 'Whether HTTP/2 is spoken with endpoints that offer it.' }),
    headersTimeout: number({ ...WAIT, min: 0, about: "Wait for a response's headers; 0 is no limit." }),
    bodyTimeout: number({
      ...WAIT,
      min: 0,
      about: "Wait between two parts of a response's body; 0 is no limit.",
    }),
    connectTimeout: number({ ...WAIT, min: 0, about: 'Wait for a connection; 0 is no limit.' }),
    keepAliveTimeout: number({
      ...WAIT,
      min: 1,
      about: 'Time after which an idle connection is closed.',
    }),
    keepAliveMaxTimeout: number({
      ...WAIT,
      min: 1,
      about: 'Longest such time that an endpoint may ask for.',
    }),
    maxConcurrentStreams: number({ ...COUNT, min: 1, about: 'Streams of one HTTP/2 connection.' }),
    maxHeaderSize: number({ ...SIZE, min: 1, about: 'Longest headers of a response.' }),
    maxResponseSize: number({
      ...SIZE,
      min: -1,
      about: 'Longest body of a response; -1 is no limit.',
    }),
    host: text({
      right: "'endpoint', 'service', 'request', or a host like `users.internal`",
      pattern: HOST_HEADER,
      ts: ts<'endpoint' | 'service' | 'request' | (string & {})>(
        "'endpoint' | 'service' | 'request' | (string & {})",
      ),
      default: 'endpoint',
      otherwise: "`'endpoint'`",
      about:
        "Host header: the endpoint's own, the service's name, the request's own where it has one (else the endpoint's; in the proxy the client's), or this text.",
    }),
    allowPlaintext: flag({
      otherwise: 'false',
      about: 'Whether a request for `https:` or `wss:` may go to an `http:` endpoint, in clear text.',
    }),
    dispatcher: instance(
      (value) => typeof value === 'string' || typeof value === 'function' || isDispatcher(value),
      DISPATCHER_OR_NAME,
      {
        type: 'function, object or string',
        ts: ts<DispatcherFactory | Dispatcher | string>('DispatcherFactory | Dispatcher | string'),
        otherwise: 'an undici `Pool`',
        about:
          'Sends the requests in the place of an undici `Pool`; see [clients.md](clients.md#dispatchers-of-your-own).',
      },
    ),
  },
  {
    name: 'ClientConfig',
    summary: "Options of the undici `Pool` of each endpoint, plus some of fairlead's own.",
  },
)

/** undici's own defaults hold for what is not set. */
export interface ResolvedClient extends Omit<ResolvedOf<typeof CLIENT.shape>, 'dispatcher'> {
  /** A name; what was given directly is had of `givenTo`. */
  readonly dispatcher?: string
}

/** Checked options with their defaults. What was given directly stands aside, since it stays in this thread. */
export function resolveClient(config: ConfigOf<typeof CLIENT.shape>): ResolvedClient {
  const { dispatcher, ...plain } = withDefaults(CLIENT.shape, config)
  return typeof dispatcher === 'string' ? { ...plain, dispatcher } : withGiven(plain, dispatcher)
}

/** That a dispatcher which is given by its name is known. */
export function checkClient(client: unknown, path: string, faults: Faults): void {
  const dispatcher = isRecord(client) ? client.dispatcher : undefined
  if (typeof dispatcher !== 'string' || dispatcherFactory(dispatcher) !== undefined) return
  const known = dispatcherFactoryNames()
  faults.add(
    join(path, 'dispatcher'),
    `no dispatcher ${JSON.stringify(dispatcher)} is defined in this thread; call defineDispatcher(name, factory) before the balancer is made${known.length > 0 ? `; defined: ${quoted(known)}` : ''}`,
  )
}
