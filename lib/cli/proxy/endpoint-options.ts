import type { SecureContextOptions } from 'node:tls'
import type { ResolvedClient } from '../../connections/options.js'

/** undici's defaults, which hold for what a service does not set. */
const HEADERS_TIMEOUT_MS = 300_000
const BODY_TIMEOUT_MS = 300_000
const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 4_000
const KEEP_ALIVE_MAX_MS = 600_000
const NO_LIMIT = -1

/** An endpoint and how to speak with it. */
export interface EndpointOptions {
  readonly secure: boolean
  /** Host field where a request brings none. */
  readonly authority: string
  readonly host: string
  readonly port: number
  /** TLS and socket options, for Node's agent. */
  readonly connect: SecureContextOptions & Readonly<Record<string, unknown>>
  /** Name for TLS; undefined: of the request's Host field. */
  readonly servername: string | undefined
  /** Infinity: no limit. */
  readonly connections: number
  readonly keepAlive: boolean
  /** ms; 0: no limit, as for the next two. */
  readonly headersTimeout: number
  readonly bodyTimeout: number
  readonly connectTimeout: number
  /** ms for which an idle connection is kept. */
  readonly keepAliveTimeout: number
  /** Longest such time that the endpoint may ask for, ms. */
  readonly keepAliveMaxTimeout: number
  /** After which a connection is not kept, ms; 0: no limit. */
  readonly maxConnectionAgeMs: number
  /** Bytes; undefined: Node's. */
  readonly maxHeaderSize: number | undefined
  /** Bytes; -1: no limit. */
  readonly maxResponseSize: number
}

export function endpointOptions(url: string, client: ResolvedClient): EndpointOptions {
  const { protocol, hostname, host, port } = new URL(url)
  const secure = protocol === 'https:'
  const { timeout, servername, ...connect } = client.connect ?? {}
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  // The client's own Host field is no name of the endpoint's.
  const named = client.host === 'endpoint' || client.host === 'request' ? bare : undefined
  return {
    secure,
    authority: host,
    host: bare,
    port: port !== '' ? Number(port) : secure ? 443 : 80,
    connect,
    servername: typeof servername === 'string' ? servername : named,
    connections: client.connections ?? Number.POSITIVE_INFINITY,
    keepAlive: client.pipelining !== 0,
    headersTimeout: client.headersTimeout ?? HEADERS_TIMEOUT_MS,
    bodyTimeout: client.bodyTimeout ?? BODY_TIMEOUT_MS,
    connectTimeout: typeof timeout === 'number' ? timeout : (client.connectTimeout ?? CONNECT_TIMEOUT_MS),
    keepAliveTimeout: client.keepAliveTimeout ?? KEEP_ALIVE_MS,
    keepAliveMaxTimeout: client.keepAliveMaxTimeout ?? KEEP_ALIVE_MAX_MS,
    maxConnectionAgeMs: client.maxConnectionAgeMs ?? 0,
    maxHeaderSize: client.maxHeaderSize,
    maxResponseSize: client.maxResponseSize ?? NO_LIMIT,
  }
}
