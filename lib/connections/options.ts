/** The options of connections to endpoints: `client` of a service. */
import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from '../model/index.js'
import { MAX_COUNT } from '../options/common.js'
import { type Faults, join } from '../options/faults.js'
import { HOST_HEADER } from '../options/host-header.js'
import {
  either,
  exactly,
  flag,
  group,
  instance,
  isRecord,
  number,
  record,
  text,
  ts,
} from '../options/kinds.js'
import { withDefaults } from '../options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../options/types.js'
import { quoted } from '../options/words.js'
import { dispatcherFactory, dispatcherFactoryNames, isDispatcher, withGiven } from '../runtime/dispatchers.js'

/** Longest wait of a Node timer. */
const MAX_TIMER_MS = 2_147_483_647
const MAX_BYTES = Number.MAX_SAFE_INTEGER
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/
const HEADER_NAME_RIGHT = 'the name of a header, or false'
const DISPATCHER_OR_NAME =
  'a function `(endpoint, options) => Dispatcher`, an undici `Dispatcher`, or a name given to `defineDispatcher`'

// Within the ranges that undici 7 takes, so that none fails later. What is not set is not passed on: what holds then stands in
// `connection.ts` and `pool.ts` for what is fairlead's (`connections`, `maxConnectionAgeMs`, `pipelining`, streams), and in
// undici for the rest. `defaultText` says it.
const COUNT = { integer: true, max: MAX_COUNT, source: 'undici 7' } as const
const WAIT = { integer: true, max: MAX_TIMER_MS, unit: 'ms', source: 'undici 7' } as const
const SIZE = { integer: true, max: MAX_BYTES, unit: 'bytes', source: 'undici 7' } as const

export const CLIENT = group(
  {
    connect: record('an object of TLS and socket options', {
      defaultText: "Node's",
      ts: ts<Record<string, unknown>>('Record<string, unknown>'),
      about:
        'TLS and socket options: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`, ... as for `tls.connect`.',
    }),
    connections: number({
      ...COUNT,
      min: 1,
      defaultText: 'no limit',
      about: 'Connections to one endpoint, of each thread. Requests beyond them wait in line.',
    }),
    maxConnectionAgeMs: number({
      integer: true,
      min: 0,
      max: MAX_TIMER_MS,
      unit: 'ms',
      defaultText: '0',
      source: 'Envoy, undici: off',
      about:
        'Age, longer or shorter by up to a tenth, at which a connection is replaced when its requests have ended; 0 is no limit.',
    }),
    pipelining: number({
      ...COUNT,
      min: 0,
      defaultText: '1',
      about: 'Requests sent over one HTTP/1.1 connection before the first answer; 0 turns keep-alive off.',
    }),
    allowH2: flag({
      defaultText: 'false',
      source: 'undici 7',
      about: 'Whether HTTP/2 is spoken with endpoints that offer it.',
    }),
    headersTimeout: number({
      ...WAIT,
      min: 0,
      defaultText: '300,000',
      about: "Wait for a response's headers; 0 is no limit.",
    }),
    bodyTimeout: number({
      ...WAIT,
      min: 0,
      defaultText: '300,000',
      about: "Wait between two parts of a response's body; 0 is no limit.",
    }),
    connectTimeout: number({
      ...WAIT,
      min: 0,
      defaultText: '10,000',
      about: 'Wait for a connection to open; 0 is no limit.',
    }),
    keepAliveTimeout: number({
      ...WAIT,
      min: 1,
      defaultText: '4,000',
      about:
        'Time after which an idle HTTP/1.1 connection is closed, unless the endpoint says how long it keeps it.',
    }),
    keepAliveMaxTimeout: number({
      ...WAIT,
      min: 1,
      defaultText: '600,000',
      about: 'Longest such time that an endpoint may ask for.',
    }),
    maxConcurrentStreams: number({
      ...COUNT,
      min: 1,
      defaultText: '100',
      about: 'Requests at a time over one HTTP/2 connection; fewer where the endpoint allows fewer.',
    }),
    maxHeaderSize: number({
      ...SIZE,
      min: 1,
      defaultText: "16,384 (Node's)",
      about: 'Longest headers of a response.',
    }),
    maxResponseSize: number({
      ...SIZE,
      min: -1,
      defaultText: '-1',
      about: 'Longest body of a response; -1 is no limit.',
    }),
    host: text({
      right: "'endpoint', 'service', 'request', or a host like `users.internal`",
      pattern: HOST_HEADER,
      ts: ts<'endpoint' | 'service' | 'request' | (string & {})>(
        "'endpoint' | 'service' | 'request' | (string & {})",
      ),
      default: 'endpoint',
      defaultText: "`'endpoint'`",
      about:
        "Host header: the endpoint's own, the service's name, the request's own where it has one (else the endpoint's; in the proxy the client's), or this text.",
    }),
    deadlineHeader: either([text({ right: HEADER_NAME_RIGHT, pattern: HEADER_NAME }), exactly(false)], {
      right: HEADER_NAME_RIGHT,
      type: 'string or false',
      range: HEADER_NAME_RIGHT,
      default: 'fairlead-timeout-ms',
      about:
        'Header that tells the endpoint how many ms are left of a deadline (`deadlineMs`), with each try; `grpc-timeout` has its own form; with `false` none is sent.',
    }),
    allowPlaintext: flag({
      defaultText: 'false',
      about: 'Whether a request for `https:` or `wss:` may go to an `http:` endpoint, in clear text.',
    }),
    dispatcher: instance(
      (value) => typeof value === 'string' || typeof value === 'function' || isDispatcher(value),
      DISPATCHER_OR_NAME,
      {
        type: 'function, object or string',
        ts: ts<DispatcherFactory | Dispatcher | string>('DispatcherFactory | Dispatcher | string'),
        defaultText: "fairlead's own connections",
        about:
          "Sends the requests in the place of fairlead's own connections; see [clients.md](clients.md#dispatchers-of-your-own).",
      },
    ),
  },
  {
    name: 'ClientConfig',
    summary: "Options of the connections to each endpoint, most of them undici 7's.",
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
