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
/** Decided here or by the service's `client.host`. `expect` was met by this server: undici does not send it. */
const REPLACED = new Set(['host', 'expect', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
/** Nothing may take these out: they say where the message ends. */
const FRAMING = new Set(['content-length'])
const PSEUDONYM = 'fairlead'
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** The client's address: of the connection, or of the one that a trusted proxy in front names last. */
export function clientIpOf(request: IncomingMessage, trustForwarded: boolean): string {
  const peer = (request.socket.remoteAddress ?? '').replace(MAPPED_IPV4, '$1')
  if (!trustForwarded) return peer
  const named = request.headers['x-forwarded-for']
  return (
    String(named ?? '')
      .split(',')
      .at(-1)
      ?.trim() || peer
  )
}

/** A request's header fields for the endpoint. */
export function requestHeaders(request: IncomingMessage, trustForwarded: boolean): string[] {
  const dropped = namedByConnection(request.headers.connection)
  const headers: string[] = []
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toLowerCase()
    if (!REPLACED.has(name) && !isDropped(name, dropped)) headers.push(raw[i], raw[i + 1])
  }
  const { headers: given, socket, httpVersion } = request
  const trusted = (name: string): string | undefined => (trustForwarded ? first(given[name]) : undefined)
  const peer = (socket.remoteAddress ?? '').replace(MAPPED_IPV4, '$1')
  const before = trusted('x-forwarded-for')
  headers.push('x-forwarded-for', before ? `${before}, ${peer}` : peer)
  headers.push('x-forwarded-proto', trusted('x-forwarded-proto') ?? 'http')
  const host = trusted('x-forwarded-host') ?? given.host
  if (host) headers.push('x-forwarded-host', host)
  headers.push('via', `${httpVersion} ${PSEUDONYM}`)
  return headers
}

/**
 * An answer's header fields for the client. A `location` on `origin`, which is fairlead's name for the service, becomes
 * relative: the client knows the service by this proxy's address only.
 */
export function responseHeaders(raw: RawHeaders, origin: string): string[] {
  const pairs: [string, string][] = []
  let connection: string | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toString('latin1')
    const value = raw[i + 1].toString('latin1')
    pairs.push([name, value])
    if (name.toLowerCase() === 'connection')
      connection = connection === undefined ? value : `${connection},${value}`
  }
  const dropped = namedByConnection(connection)
  const headers: string[] = []
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase()
    if (isDropped(lower, dropped)) continue
    headers.push(name, lower === 'location' ? relativeTo(origin, value) : value)
  }
  return headers
}

/** The fields for an answer as it goes out: only where its body is chunked can trailers follow, and be announced. */
export function answerHeaders(response: ServerResponse, status: number, headers: string[]): string[] {
  const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  if (!names.includes('trailer')) return headers
  const chunked =
    response.useChunkedEncodingByDefault &&
    response.req.method !== 'HEAD' &&
    !WITHOUT_BODY.has(status) &&
    !names.includes('content-length')
  return chunked ? headers : headers.filter((_, i) => names[i >> 1] !== 'trailer')
}

const WITHOUT_BODY = new Set([204, 304])
/** What may stand in a header field or status line: tab, visible characters, and any byte above 127. */
const FIELD_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/

/** The status text byte for byte, though undici has read it as UTF-8; the standard one where Node would not send it. */
export function statusTextOf(status: number, text: string): string {
  if (FIELD_TEXT.test(text) && !/[\x80-\xff]/.test(text)) return text
  const bytes = Buffer.from(text).toString('latin1')
  return FIELD_TEXT.test(bytes) ? bytes : (STATUS_CODES[status] ?? '')
}

function relativeTo(origin: string, location: string): string {
  if (!location.startsWith(origin)) return location
  const rest = location.slice(origin.length)
  if (rest === '') return '/'
  return rest.startsWith('/') ? rest : location
}

const NOTHING: ReadonlySet<string> = new Set()

function namedByConnection(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined) return NOTHING
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}

const isDropped = (name: string, named: ReadonlySet<string>): boolean =>
  HOP_BY_HOP.has(name) || (named.has(name) && !FRAMING.has(name))

const first = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value

/** `host:port` as a URL has it. */
export const authority = (host: string, port: number): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}`
