import type { Dispatcher } from 'undici'

type Headers = Dispatcher.DispatchOptions['headers']

const isPair = (item: unknown): item is [string, unknown] =>
  Array.isArray(item) && item.length === 2 && typeof item[0] === 'string'

/** As undici tells an iterable of pairs from a plain record. */
const isIterable = (headers: object): headers is Iterable<unknown> =>
  Object.hasOwn(headers, Symbol.iterator) ||
  (Object.getPrototypeOf(headers) !== Object.prototype && Symbol.iterator in headers)

/**
 * The headers in a form that can be read again and again: undici takes a flat list, a record, or anything that iterates over
 * pairs, which may be gone once read (a generator), and every try of a request reads them. Pairs become a flat list. What
 * undici would refuse it is to see, and to refuse.
 */
export function repeatable(headers: Headers): Headers {
  if (typeof headers !== 'object' || headers === null) return headers
  if (Array.isArray(headers)) {
    const items: readonly unknown[] = headers
    return items.length > 0 && items.every(isPair) ? flat(items) : headers
  }
  if (!isIterable(headers)) return headers
  const items = [...headers]
  if (items.every(isPair)) return flat(items)
  return { [Symbol.iterator]: () => items[Symbol.iterator]() } as Headers
}

const flat = (pairs: readonly [string, unknown][]): Headers => pairs.flat() as string[]

/** Name and value by turns, as far as they can be had of headers that are `repeatable`. */
function* pairsOf(headers: Headers): Generator<[string, unknown]> {
  if (Array.isArray(headers))
    for (let i = 0; i + 1 < headers.length; i += 2) yield [String(headers[i]), headers[i + 1]]
  else if (typeof headers === 'object' && headers !== null) yield* Object.entries(headers)
}

/** Sets the Host header: one that the caller has set himself stays. Without it undici sends the endpoint's own. */
export function withHost(headers: Headers, host: string): Headers {
  for (const [name] of pairsOf(headers)) if (name.toLowerCase() === 'host') return headers
  if (Array.isArray(headers)) return ['host', host, ...headers]
  // For undici to refuse.
  if (typeof headers === 'object' && headers !== null && isIterable(headers)) return headers
  return { host, ...headers }
}

/** With one header more, which replaces those of the same name. */
export function withHeader(headers: Headers, name: string, value: string): Headers {
  const others = [...pairsOf(headers)].filter(([other]) => other.toLowerCase() !== name.toLowerCase())
  if (Array.isArray(headers) && headers.length % 2 === 0) return flat([...others, [name, value]])
  // For undici to refuse.
  if (Array.isArray(headers) || (typeof headers === 'object' && headers !== null && isIterable(headers)))
    return headers
  return Object.fromEntries([...others, [name, value]]) as Headers
}

/** The headers by their lower-case names; of one that comes more than once, the first. */
export function headersByName(headers: Headers): Record<string, string | string[] | undefined> {
  const byName: Record<string, string | string[] | undefined> = Object.create(null)
  for (const [name, value] of pairsOf(headers)) byName[name.toLowerCase()] ??= value as string | string[]
  return byName
}
