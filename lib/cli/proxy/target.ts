import type { IncomingMessage } from 'node:http'
import { BAD_HOST, BAD_TARGET, type Failure, TOO_MANY_FIELDS } from './failure.js'
import { isAuthority } from './host.js'

/**
 * Most header fields of a request. Node would drop those beyond its own limit (1,000 on either side) without a word, and
 * with them what the proxy adds.
 */
const MAX_FIELDS = 500
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i

export interface Target {
  /** Host and port as the client wrote them; '' where it named none. */
  readonly authority: string
  /** Path and query. */
  readonly path: string
}

export const isFailure = (value: Target | Failure): value is Failure => 'status' in value

/**
 * What a request is for, or why it cannot be known. The absolute form that clients send to proxies is taken too; its
 * host stands above the Host field (RFC 9112, 3.2.2). A request has exactly one valid Host field (RFC 9112, 3.2), of
 * which HTTP/1.0 needs none.
 */
export function targetOf({ rawHeaders, url = '', httpVersion }: IncomingMessage): Target | Failure {
  if (rawHeaders.length > 2 * MAX_FIELDS) return TOO_MANY_FIELDS
  let host: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i].length !== 'host'.length || rawHeaders[i].toLowerCase() !== 'host') continue
    if (host !== undefined || !isAuthority(rawHeaders[i + 1])) return BAD_HOST
    host = rawHeaders[i + 1]
  }
  if (host === undefined && httpVersion !== '1.0') return BAD_HOST
  // A fragment is no part of a target, and an endpoint could take what follows for a part of the path.
  if (url.includes('#')) return BAD_TARGET
  if (url.startsWith('/')) return { authority: host ?? '', path: url }
  const [, authority, rest] = ABSOLUTE.exec(url) ?? []
  if (authority === undefined || authority === '') return BAD_TARGET
  if (!isAuthority(authority)) return BAD_HOST
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` }
}
