import type { HashOnConfig, PickOptions } from '../model/index.js'

/**
 * The request with the key that `hashOn` finds in its headers or path; its own key stands above that. What the service
 * was told to hash on stands above the client's address, which counts where there is no such header, cookie or parameter.
 */
export function withKey(request: PickOptions, hashOn: HashOnConfig): PickOptions {
  if (request.key !== undefined) return request
  const key = keyIn(request, hashOn)
  return key === undefined ? request : { ...request, key, clientIp: undefined }
}

function keyIn(request: PickOptions, hashOn: HashOnConfig): string | undefined {
  const { header, cookie, query, path } = hashOn
  if (header !== undefined) return first(request.headers?.[header.toLowerCase()])
  if (cookie !== undefined) return cookieValue(first(request.headers?.['cookie']), cookie)
  if (request.path === undefined) return undefined
  const mark = request.path.indexOf('?')
  if (path === true) return mark < 0 ? request.path : request.path.slice(0, mark)
  if (query !== undefined && mark >= 0)
    return new URLSearchParams(request.path.slice(mark)).get(query) ?? undefined
  return undefined
}

/** A header's value as it is sent: undici takes numbers too, and writes them as text. */
function first(value: string | string[] | undefined): string | undefined {
  const one: unknown = Array.isArray(value) ? value[0] : value
  return one === undefined ? undefined : String(one)
}

/** One cookie's value out of a Cookie header, unquoted (RFC 6265, 4.2.1). */
function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals >= 0 && pair.slice(0, equals).trim() === name)
      return pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
  }
  return undefined
}
