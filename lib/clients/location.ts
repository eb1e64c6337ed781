import type { RawHeaders } from './handler.js'

const CREATED = 201
/** Redirects, and 201: the answers in which `Location` has a meaning (RFC 9110, 10.2.2). */
export const mayHaveLocation = (status: number): boolean =>
  (status >= 300 && status < 400) || status === CREATED

/**
 * A `Location` on the chosen endpoint's own origin names the service instead, so that following it is balanced again
 * (an endpoint may not even be reachable by the name it knows itself by). Others, relative ones too, stay as they are.
 */
export function rewriteLocation(headers: RawHeaders, endpointUrl: string, serviceOrigin: string): RawHeaders {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i].length !== 'location'.length || headers[i].toString('latin1').toLowerCase() !== 'location')
      continue
    const location = headers[i + 1].toString('latin1')
    if (!location.startsWith(endpointUrl) || !URL.canParse(location)) return headers
    const url = new URL(location)
    if (url.origin !== endpointUrl) return headers
    const copy = headers.slice()
    copy[i + 1] = Buffer.from(serviceOrigin + url.pathname + url.search + url.hash, 'latin1')
    return copy
  }
  return headers
}
