/** The options of `source`: where the endpoints of a service come from. */
import { isIP } from 'node:net'
import type { SourceName } from '../model/index.js'
import { MAX_COUNT, MAX_MS } from '../options/common.js'
import { type Faults, join } from '../options/faults.js'
import { checkHeaders, headers } from '../options/headers.js'
import { choice, either, group, isRecord, list, number, record, text, ts } from '../options/kinds.js'
import { withDefaults } from '../options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../options/types.js'
import { validate } from '../options/validate.js'
import { quoted, wrong } from '../options/words.js'
import { customSourceNames, isCustomSource } from '../runtime/sources.js'
import { rangeOf } from './etcd/keys.js'
import { checkEtcd, ETCD_SOURCE, type ResolvedEtcd } from './etcd/options.js'
import type { ResolvedKubernetes } from './kubernetes/options.js'

const MAX_PORT = 65_535
const MAX_PATH = 4_096
/** Labels of letters, digits, hyphens and underscores (RFC 2782 has names like `_http._tcp.users.internal`); a last dot is allowed. */
const DNS_NAME =
  /^(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i

/** In ms, above 0. */
const duration = <const Default extends number>(byDefault: Default, about: string) =>
  number({ integer: true, min: 1, max: MAX_MS, unit: 'ms', default: byDefault, about })

export const DNS_SOURCE = group(
  {
    name: text({
      right: 'a host name like `users.internal`',
      required: true,
      accept: (name) => DNS_NAME.test(name) && isIP(name) === 0,
      about: 'Name whose addresses are the endpoints.',
    }),
    port: number({
      integer: true,
      min: 1,
      max: MAX_PORT,
      defaultText: "the scheme's; of `SRV` the record's",
      about: 'Port of each endpoint.',
    }),
    type: choice(['A+AAAA', 'A', 'AAAA', 'SRV'], {
      default: 'A+AAAA',
      about: 'Records that are asked for. `SRV` has port, priority and weight of each endpoint.',
    }),
    scheme: choice(['http', 'https'], {
      default: 'http',
      about:
        'Scheme of each endpoint. With `https` the certificate is checked for the name, unless `client.connect.servername` says another.',
    }),
    servers: list(text({ right: 'an address like `10.0.0.2` or `10.0.0.2:53`', accept: isServer }), {
      right: 'an array of addresses like `10.0.0.2` or `10.0.0.2:53`',
      nonEmpty: true,
      defaultText: "the system's",
      about: 'DNS servers, in the order in which they are asked.',
    }),
    timeout: duration(2_000, 'Wait for one server.'),
  },
  { off: true, summary: 'The addresses of a name, asked for again when they are out of date (TTL).' },
)

export const FILE_SOURCE = group(
  {
    path: text({
      right: 'a path',
      required: true,
      minLength: 1,
      maxLength: MAX_PATH,
      about: 'JSON or YAML: a list of endpoints, or an object with `endpoints`.',
    }),
    interval: duration(
      2_000,
      'Time between two looks at the file, where the system does not tell of its changes.',
    ),
  },
  { off: true, summary: 'A file, read again when it has changed.' },
)

export const HTTP_SOURCE = group(
  {
    url: text({
      right: 'a URL like `http://registry.internal/users.json`',
      required: true,
      accept: isHttpUrl,
      about: 'Answers with JSON or YAML: a list of endpoints, or an object with `endpoints`.',
    }),
    interval: duration(
      5_000,
      'Time between two requests. An answer with an `ETag` is not sent again while it is the same.',
    ),
    timeout: duration(5_000, 'Time that one request may take.'),
    headers: headers('Headers that are sent along.'),
  },
  { off: true, summary: 'A server that answers with a list of endpoints.' },
)

/** RFC 1123: what Kubernetes takes for names of services and namespaces. */
const KUBERNETES_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const kubernetesName = <const S extends object>(spec: S) =>
  text({ right: 'a name of letters in lower case, digits and hyphens', pattern: KUBERNETES_NAME, ...spec })

const kubernetesFile = (defaultText: string, about: string) =>
  text({ right: 'a path', minLength: 1, maxLength: MAX_PATH, defaultText, about })

export const KUBERNETES_SOURCE = group(
  {
    service: kubernetesName({ required: true, about: 'Name of the Kubernetes service.' }),
    namespace: kubernetesName({ defaultText: "the pod's", about: 'Namespace of the service.' }),
    port: either(
      [
        number({ integer: true, min: 1, max: MAX_PORT }),
        text({ right: 'the name of a port', pattern: KUBERNETES_NAME }),
      ],
      {
        right: 'a port from 1 to 65,535, or the name of one',
        type: 'integer or string',
        defaultText: 'the only one, or `http`',
        about: "Port of each endpoint: the pods' own, by number or name.",
      },
    ),
    scheme: choice(['http', 'https'], { default: 'http', about: 'Scheme of each endpoint.' }),
    server: text({
      right: 'a URL like `https://10.0.0.1:6443`',
      accept: isHttpUrl,
      defaultText: "the cluster's, as a pod finds it",
      about: 'The API server.',
    }),
    tokenFile: kubernetesFile(
      "the service account's",
      'File of the token that is sent. It is read again for each request.',
    ),
    caFile: kubernetesFile(
      '`ca.crt` beside the token',
      "File of the authorities that the server's certificate is checked against.",
    ),
  },
  { off: true, summary: 'The EndpointSlices of a Kubernetes service, watched.' },
)

export const SOURCE = group(
  {
    dns: DNS_SOURCE,
    file: FILE_SOURCE,
    http: HTTP_SOURCE,
    kubernetes: KUBERNETES_SOURCE,
    etcd: ETCD_SOURCE,
    name: text({
      right: 'what `defineSource` returned',
      ts: ts<SourceName>('SourceName'),
      defaultText: 'none',
      about: 'A source of your own.',
    }),
    options: record('an object of options', {
      ts: ts<Readonly<Record<string, unknown>>>('Readonly<Record<string, unknown>>'),
      default: {},
      defaultText: '`{}`',
      about: 'Of a source of your own: plain data, handed to it as it is.',
    }),
    maxDrop: number({
      min: 0,
      max: 1,
      default: 0.5,
      about:
        'Share of the endpoints that may be missing from an answer at once. With more it is held back, and reported.',
    }),
    holdMs: number({
      integer: true,
      min: 0,
      max: MAX_MS,
      unit: 'ms',
      default: 30_000,
      about: 'For how long such an answer is held back. One without any endpoint is never put in force.',
    }),
    maxEndpoints: number({
      integer: true,
      min: 1,
      max: MAX_COUNT,
      default: 10_000,
      about: 'Endpoints that an answer may have. One with more is refused.',
    }),
  },
  {
    name: 'SourceConfig',
    summary:
      'Where the endpoints of a service come from: one of `dns`, `file`, `http`, `kubernetes`, `etcd`, or a source of your own.',
  },
)

export interface ResolvedDns extends ResolvedOf<typeof DNS_SOURCE.shape> {
  /** What each endpoint has beside its URL: of an endpoint with `resolve`. */
  readonly common?: Readonly<Record<string, unknown>>
}

export type ResolvedFile = ResolvedOf<typeof FILE_SOURCE.shape>
export type ResolvedHttp = ResolvedOf<typeof HTTP_SOURCE.shape>

interface Bounds {
  readonly maxDrop: number
  readonly holdMs: number
  readonly maxEndpoints: number
}

/** What kind it is, and the options of that kind. */
export type ResolvedSource = Bounds &
  (
    | { readonly kind: 'dns'; readonly options: ResolvedDns }
    | { readonly kind: 'file'; readonly options: ResolvedFile }
    | { readonly kind: 'http'; readonly options: ResolvedHttp }
    | { readonly kind: 'kubernetes'; readonly options: ResolvedKubernetes }
    | { readonly kind: 'etcd'; readonly options: ResolvedEtcd }
    | { readonly kind: 'own'; readonly name: SourceName; readonly options: Readonly<Record<string, unknown>> }
  )

const KINDS = ['dns', 'file', 'http', 'kubernetes', 'etcd', 'name'] as const

/** One source, or several, from copied data; what is wrong is added to the faults. */
export function resolveSources(value: unknown, path: string, faults: Faults): ResolvedSource[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) return [resolveSource(value, path, faults)].filter((one) => one !== undefined)
  const seen = new Map<string, string>()
  return value.flatMap((one: unknown, i) => {
    const at = join(path, i)
    const source = resolveSource(one, at, faults)
    if (source === undefined) return []
    const same = seen.get(JSON.stringify(source))
    if (same !== undefined) faults.add(at, `is the same source as ${same}; name each once`)
    seen.set(JSON.stringify(source), at)
    return [source]
  })
}

function resolveSource(value: unknown, path: string, faults: Faults): ResolvedSource | undefined {
  const before = faults.count
  const config = validate(SOURCE, value, path, faults)
  if (!isRecord(value)) return undefined
  const given = KINDS.filter((kind) => value[kind] !== undefined)
  if (given.length !== 1)
    faults.add(
      path,
      given.length === 0
        ? `names no source; it takes one of ${quoted(KINDS)}`
        : `has ${quoted(given)}; a source is one of them, and several sources are an array`,
    )
  checkDns(value.dns, join(path, 'dns'), faults)
  if (isRecord(value.http)) checkHeaders(value.http.headers, join(join(path, 'http'), 'headers'), faults)
  checkEtcd(value.etcd, join(path, 'etcd'), faults)
  if (typeof value.name === 'string' && !isCustomSource(value.name))
    faults.add(join(path, 'name'), wrong(oneOf(customSourceNames()), value.name))
  if (value.options !== undefined && value.name === undefined)
    faults.add(
      join(path, 'options'),
      'belongs to a source of your own, which `name` names; write `name`, or leave it out',
    )
  return config === undefined || faults.count > before ? undefined : withKind(config)
}

const oneOf = (names: readonly string[]): string =>
  names.length === 0
    ? 'what `defineSource` returned, and none was defined in this thread'
    : `a source that was defined in this thread, one of ${quoted(names)}`

function withKind(config: ConfigOf<typeof SOURCE.shape>): ResolvedSource {
  const { dns, file, http, kubernetes, etcd, name, options, ...bounds } = withDefaults(SOURCE.shape, config)
  if (dns !== undefined) return { kind: 'dns', options: dns, ...bounds }
  if (file !== undefined) return { kind: 'file', options: file, ...bounds }
  if (http !== undefined) return { kind: 'http', options: http, ...bounds }
  if (kubernetes !== undefined) return { kind: 'kubernetes', options: kubernetes, ...bounds }
  if (etcd !== undefined) return { kind: 'etcd', options: etcd, ...bounds }
  return { kind: 'own', name: name as SourceName, options, ...bounds }
}

function checkDns(dns: unknown, path: string, faults: Faults): void {
  if (!isRecord(dns)) return
  if (dns.type === 'SRV' && dns.port !== undefined)
    faults.add(join(path, 'port'), 'is what `SRV` records say; leave it out, or ask for another type')
}

function isHttpUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url)
}

/** `10.0.0.2`, `10.0.0.2:53`, `fd00::2`, `[fd00::2]:53`. */
function isServer(text: string): boolean {
  if (isIP(text) !== 0) return true
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:]+)):(?<port>\d{1,5})$/.exec(text)
  if (match === null) return false
  const { v6, v4, port } = match.groups as Record<string, string | undefined>
  const isAddress = v6 === undefined ? isIP(v4 ?? '') === 4 : isIP(v6) === 6
  return isAddress && Number(port) >= 1 && Number(port) <= MAX_PORT
}

/** How it is called in messages, stats and events. */
export function describeSource(source: ResolvedSource): string {
  switch (source.kind) {
    case 'dns':
      return `dns ${source.options.name}`
    case 'file':
      return `file ${source.options.path}`
    case 'http':
      // Without a path or a query, which may hold a secret.
      return `http ${new URL(source.options.url).origin}`
    case 'kubernetes':
      return `kubernetes ${source.options.service}${source.options.namespace === undefined ? '' : `.${source.options.namespace}`}`
    case 'etcd':
      return `etcd ${rangeOf(source.options, source.options.service).start}`
    case 'own':
      return source.name
  }
}
