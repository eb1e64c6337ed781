import type { Dispatcher } from 'undici'

type Headers = Dispatcher.DispatchOptions['headers']

/**
 * Sets the Host header: one that the caller has set himself stays. Without it undici sends the endpoint's own.
 * Headers come as an object, as a flat list of names and values, or as an iterable of pairs.
 */
export function withHost(headers: Headers, host: string): Headers {
  const pairs: [string, unknown][] = []
  if (Array.isArray(headers))
    for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([headers[i], headers[i + 1]])
  else if (headers && Symbol.iterator in headers) pairs.push(...(headers as Iterable<[string, string]>))
  else if (headers) pairs.push(...Object.entries(headers))
  if (pairs.some(([name]) => name.toLowerCase() === 'host')) return headers
  return [['host', host], ...pairs].flat() as string[]
}

/** One header of a request by its lower-case name, in whichever of the three forms the headers come. */
export function headersByName(headers: Headers): Record<string, string | string[] | undefined> {
  const byName: Record<string, string | string[] | undefined> = Object.create(null)
  const put = (name: string, value: unknown) => {
    byName[name.toLowerCase()] = value as string | string[]
  }
  if (Array.isArray(headers)) for (let i = 0; i + 1 < headers.length; i += 2) put(headers[i], headers[i + 1])
  else if (headers && Symbol.iterator in headers)
    for (const [name, value] of headers as Iterable<[string, string]>) put(name, value)
  else if (headers) for (const [name, value] of Object.entries(headers)) put(name, value)
  return byName
}
