import type { HashOnConfig, PickOptions } from '../model.js'

/** The key that a request is hashed by: its own, else what `hashOn` finds in its headers or path, else undefined. */
export function keyOf(request: PickOptions, hashOn: HashOnConfig): string | undefined {
  if (request.key !== undefined) return request.key
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

const first = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value

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
