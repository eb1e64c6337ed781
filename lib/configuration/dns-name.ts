import type { CLIENT } from '../connections/options.js'
import type { ConfigOf } from '../options/types.js'
import type { ResolvedDns, ResolvedSource } from '../sources/options.js'

type ClientConfig = ConfigOf<typeof CLIENT.shape>

const STANDARD_PORT = { http: 80, https: 443 } as const

/**
 * Where all endpoints of a service are addresses of one name, it is that name that requests are for: the Host header, and the name
 * in certificates, unless the configuration says others.
 */
export function namedByDns(client: ClientConfig, sources: readonly ResolvedSource[]): ClientConfig {
  const names = sources.map((source) => (source.kind === 'dns' ? hostOf(source.options) : undefined))
  const [name] = names
  if (name === undefined || names.some((other) => other?.host !== name.host)) return client
  const named = { ...client, host: client.host ?? name.host }
  if (!name.isSecure) return named
  return { ...named, connect: { servername: name.servername, ...client.connect } }
}

function hostOf({ name, port, scheme, type }: ResolvedDns) {
  // The names behind an SRV record are its targets', each with its own.
  if (type === 'SRV') return undefined
  const servername = name.replace(/\.$/, '').toLowerCase()
  const host = port === undefined || port === STANDARD_PORT[scheme] ? servername : `${servername}:${port}`
  return { servername, host, isSecure: scheme === 'https' }
}
