import type { Endpoint } from '../model/index.js'
import { parseOrigin } from '../options/address.js'
import { type Faults, join } from '../options/faults.js'
import { deepFreeze } from '../options/freeze.js'
import { isRecord } from '../options/kinds.js'
import { withDefaults } from '../options/resolve.js'
import { validate } from '../options/validate.js'
import { wrong } from '../options/words.js'
import { withGiven } from '../runtime/dispatchers.js'
import { ENDPOINT } from '../topology/options.js'

/** One endpoint from copied data, a URL or an object; undefined, with the faults added, where it is wrong. */
export function resolveEndpoint(value: unknown, path: string, faults: Faults): Endpoint | undefined {
  const isObject = isRecord(value)
  if (!isObject && typeof value !== 'string') {
    faults.add(path, wrong('a URL like `http://10.0.0.1:8080`, or an object with `url`', value))
    return undefined
  }
  const config = isObject ? validate(ENDPOINT, value, path, faults) : { url: value }
  const url = isObject ? value.url : value
  if (typeof url !== 'string') return undefined
  const origin = parseOrigin(url)
  if (typeof origin === 'string') {
    faults.add(isObject ? join(path, 'url') : path, `${JSON.stringify(withoutCredentials(url))} ${origin}`)
    return undefined
  }
  if (config === undefined) return undefined
  const { dispatcher, id = origin.url, url: _, resolve, ...rest } = withDefaults(ENDPOINT.shape, config)
  if (resolve) {
    faults.add(join(path, 'resolve'), 'is for the `endpoints` of a configuration; here write an address')
    return undefined
  }
  const endpoint: Endpoint = { id, ...origin, ...rest, metadata: deepFreeze(rest.metadata) }
  return Object.freeze(withGiven(endpoint, dispatcher))
}

/** Messages end up in logs, where no password belongs. */
const withoutCredentials = (url: string): string => url.replace(/\/\/[^/?#]*@/, '//***@')

/** The endpoints of one service, but for those to leave out; none of them twice. */
export function resolveEndpoints(
  values: readonly unknown[],
  path: string,
  faults: Faults,
  leaveOut: (value: unknown) => boolean = () => false,
): Endpoint[] {
  const endpoints: Endpoint[] = []
  const ids = new Map<string, number>()
  const urls = new Map<string, number>()
  values.forEach((value, i) => {
    if (leaveOut(value)) return
    const at = join(path, i)
    const endpoint = resolveEndpoint(value, at, faults)
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
