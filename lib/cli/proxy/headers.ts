/** Which header fields a proxy hands on (RFC 9110, 7.6), in both directions. Lists are flat: name, value, name, value. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { isIPv6 } from 'node:net'
import type { RawHeaders } from '../../clients/handler.js'

/** Fields that are about one connection only: RFC 9110, 7.6.1, and the credentials for this proxy itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])
/**
 * Of requests, decided here or by the service's `client.host`. `expect` was met by this server; the trailers that
 * `trailer` announces are not handed on; CGI would make `HTTP_PROXY` of `proxy`.
 */
const REPLACED = new Set(['host', 'expect', 'forwarded', 'proxy', 'trailer', 'x-real-ip'])
/** `x-forwarded-for` and the like: set by proxies for those behind them. */
const FORWARDED = 'x-forwarded-'
const SET_HERE = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
/** More fields by which proxies name the client or the target: believed only where the peer is. */
const OF_PROXIES = new Set([
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'client-ip',
  'fastly-client-ip',
  'front-end-https',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-external-address',
  'x-forwarded',
  'x-host',
  'x-original-forwarded-for',
  'x-original-host',
  'x-original-url',
  'x-originating-ip',
  'x-proxyuser-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-rewrite-url',
  'x-scheme',
  'x-url-scheme',
])
/** Nothing may take these out: they say where the message ends. */
const CONTENT_LENGTH = 'content-length'
const TRAILER = 'trailer'
const PSEUDONYM = 'fairlead'
const PLAIN_NAME = /^[a-z0-9-]*$/

/**
 * A request's header fields for the endpoint.
 *
 * @param forwarding what the endpoint is told of the client; first, so that it is there even where an endpoint cuts the list
 */
export function requestHeaders(request: IncomingMessage, trusted: boolean, forwarding: string[]): string[] {
  const named = namedByConnection(request.headers.connection)
  const headers = forwarding
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toLowerCase()
    if (isDropped(name, named) || isDecidedHere(name, trusted)) continue
    // To endpoints that make variables of fields (CGI, WSGI), `x_forwarded_for` is `x-forwarded-for`.
    if (!PLAIN_NAME.test(name) && isReserved(name.replace(/[^a-z0-9]/g, '-'))) continue
    headers.push(raw[i], raw[i + 1])
  }
  headers.push('via', `${request.httpVersion} ${PSEUDONYM}`)
  return headers
}

const isDecidedHere = (name: string, trusted: boolean): boolean => {
  if (REPLACED.has(name) || SET_HERE.has(name)) return true
  return !trusted && (name.startsWith(FORWARDED) || OF_PROXIES.has(name))
}

/** Fields that stand for something other than what the client says, or that this proxy lives by. */
const isReserved = (name: string): boolean =>
  name === CONTENT_LENGTH || HOP_BY_HOP.has(name) || isDecidedHere(name, false)

/**
 * An answer's header fields for the client. A `location` on `origin`, which is fairlead's name for the service, becomes
 * relative: the client knows the service by this proxy's address only.
 */
export function responseHeaders(raw: RawHeaders, origin: string): string[] {
  const headers: string[] = []
  const names: string[] = []
  let named: ReadonlySet<string> = NOTHING
  let coded = false
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toString('latin1')
    const value = raw[i + 1].toString('latin1')
    const lower = name.toLowerCase()
    if (HOP_BY_HOP.has(lower)) {
      if (lower === 'connection') named = new Set([...named, ...namedByConnection(value)])
      else if (lower === 'transfer-encoding') coded = true
      continue
    }
    names.push(lower)
    headers.push(name, lower === 'location' ? relativeTo(origin, value) : value)
  }
  // A coding overrides the length, which is then none (RFC 9112, 6.3).
  if (named.size === 0 && !coded) return headers
  const isLeft = (lower: string): boolean => (lower === CONTENT_LENGTH ? !coded : !named.has(lower))
  return headers.filter((_, i) => isLeft(names[i >> 1]))
}

const NO_CONTENT = 204
const NOT_MODIFIED = 304

/**
 * The fields for an answer as it goes out: only where its body is chunked can trailers follow, and be announced; and 204
 * has no length (RFC 9110, 8.6).
 */
export function answerHeaders(response: ServerResponse, status: number, headers: string[]): string[] {
  let trailer = false
  let length = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]
    if (name.length === TRAILER.length && name.toLowerCase() === TRAILER) trailer = true
    else if (name.length === CONTENT_LENGTH.length && name.toLowerCase() === CONTENT_LENGTH) length = true
  }
  if (!trailer && !(length && status === NO_CONTENT)) return headers
  const chunked =
    response.useChunkedEncodingByDefault &&
    response.req.method !== 'HEAD' &&
    status !== NO_CONTENT &&
    status !== NOT_MODIFIED &&
    !length
  const isFit = (name: string): boolean =>
    name === TRAILER ? chunked : name !== CONTENT_LENGTH || status !== NO_CONTENT
  return headers.filter((_, i) => isFit(headers[i & ~1].toLowerCase()))
}

/** What may stand in a header field or status line: tab, visible characters, and any byte above 127. */
const FIELD_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/

/** The status text byte for byte, though undici has read it as UTF-8; the standard one where Node would not send it. */
export function statusTextOf(status: number, text: string): string {
  if (FIELD_TEXT.test(text) && !/[\x80-\xff]/.test(text)) return text
  const bytes = Buffer.from(text).toString('latin1')
  return FIELD_TEXT.test(bytes) ? bytes : (STATUS_CODES[status] ?? '')
}

/**
 * What follows the origin, as a reference that stays on the proxy's host: `//other.example/` and `/\other.example/` would
 * name another host, which `/.` before them prevents (as in the URL standard's serializer).
 */
function relativeTo(origin: string, location: string): string {
  if (!location.startsWith(origin) || origin === '') return location
  const rest = location.slice(origin.length)
  if (rest === '') return '/'
  if (/^[?#]/.test(rest)) return `/${rest}`
  if (!rest.startsWith('/')) return location
  // Browsers leave tabs out.
  return /^\/\t*[/\\]/.test(rest) ? `/.${rest}` : rest
}

const NOTHING: ReadonlySet<string> = new Set()
const KEEP_ALIVE = /^(?:keep-alive|close)$/i

function namedByConnection(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined || KEEP_ALIVE.test(connection)) return NOTHING
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}

const isDropped = (name: string, named: ReadonlySet<string>): boolean =>
  HOP_BY_HOP.has(name) || (named.has(name) && name !== CONTENT_LENGTH)

/** `host:port` as a URL has it. */
export const authority = (host: string, port: number): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}`
