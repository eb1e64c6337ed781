import type { Endpoint, EndpointConfig } from '../model/index.js'
import { withGiven } from '../runtime/dispatchers.js'
import { parseOrigin } from './address.js'
import { check } from './check.js'
import { DEFAULT_PRIORITY, DEFAULT_WEIGHT } from './defaults.js'
import { type Faults, join } from './faults.js'
import { isRecord } from './fields.js'
import type { Schemas } from './schema.js'
import { wrong } from './words.js'

/** One endpoint from copied data, a URL or an object; undefined, with the faults added, where it is wrong. */
export function resolveEndpoint(
  value: unknown,
  path: string,
  schemas: Schemas,
  faults: Faults,
): Endpoint | undefined {
  const isObject = isRecord(value)
  if (!isObject && typeof value !== 'string') {
    faults.add(path, wrong('a URL like `http://10.0.0.1:8080`, or an object with `url`', value))
    return undefined
  }
  const config: Partial<EndpointConfig> | undefined = isObject
    ? check(schemas.endpoint, value, path, faults)
    : {}
  const url = isObject ? value.url : value
  if (typeof url !== 'string') return undefined
  const origin = parseOrigin(url)
  if (typeof origin === 'string') {
    faults.add(isObject ? join(path, 'url') : path, `${JSON.stringify(withoutCredentials(url))} ${origin}`)
    return undefined
  }
  if (config === undefined) return undefined
  const endpoint: Endpoint = {
    id: config.id ?? origin.url,
    ...origin,
    weight: config.weight ?? DEFAULT_WEIGHT,
    zone: config.zone ?? '',
    region: config.region ?? '',
    priority: config.priority ?? DEFAULT_PRIORITY,
    metadata: deepFreeze(config.metadata ?? {}),
  }
  return Object.freeze(withGiven(endpoint, config.dispatcher))
}

/** Messages end up in logs, where no password belongs. */
const withoutCredentials = (url: string): string => url.replace(/\/\/[^/?#]*@/, '//***@')

/** The endpoints of one service; none of them twice. */
export function resolveEndpoints(
  values: readonly unknown[],
  path: string,
  schemas: Schemas,
  faults: Faults,
): Endpoint[] {
  const endpoints: Endpoint[] = []
  const ids = new Map<string, number>()
  const urls = new Map<string, number>()
  values.forEach((value, i) => {
    const at = join(path, i)
    const endpoint = resolveEndpoint(value, at, schemas, faults)
    if (endpoint === undefined) return
    const sameUrl = urls.get(endpoint.url)
    const sameId = ids.get(endpoint.id)
    if (sameUrl !== undefined)
      faults.add(
        at,
        `has the same URL as ${join(path, sameUrl)}: \`${endpoint.url}\`; name each endpoint once`,
      )
    else if (sameId !== undefined)
      faults.add(
        at,
        `has the same id as ${join(path, sameId)}: ${JSON.stringify(endpoint.id)}; ids are unique within a service`,
      )
    if (sameUrl === undefined) urls.set(endpoint.url, i)
    if (sameId === undefined) ids.set(endpoint.id, i)
    endpoints.push(endpoint)
  })
  return endpoints
}

/** Freezes copied plain data; bytes cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value))
    return value
  Object.freeze(value)
  for (const item of Object.values(value)) deepFreeze(item)
  return value
}
