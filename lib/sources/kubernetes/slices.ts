/**
 * From EndpointSlices (`discovery.k8s.io/v1`) to endpoints. Nothing here asks or waits.
 *
 * `hints.forZones` of an endpoint is not read: it shares out endpoints to zones by the cluster's idea of their load, and
 * fairlead's `zoneAware` does that itself, by `zone` and by what it measures. Both together would count it twice.
 */
import { isIP } from 'node:net'
import { isRecord } from '../../options/kinds.js'
import { uniqueByUrl } from '../unique.js'
import type { ResolvedKubernetes } from './options.js'
import { choosePort } from './ports.js'

const FAMILIES = new Map<unknown, 4 | 6>([
  ['IPv4', 4],
  ['IPv6', 6],
])
const QUOTED_LENGTH = 80

/** An endpoint, as in a configuration. */
export interface SliceEndpoint {
  readonly url: string
  readonly zone: string
  readonly metadata: { readonly node?: string; readonly pod?: string }
}

/** Of one slice what matters here. */
export interface Slice {
  readonly name: string
  readonly ready: readonly SliceEndpoint[]
  /** They end, and serve as long as they do. */
  readonly draining: readonly SliceEndpoint[]
  /** It has the port that is wanted. */
  readonly hasPort: boolean
  /** What ports it has instead, where it has endpoints and not the port. */
  readonly otherPorts?: string
}

/** Reads one slice. Throws an error that names it and what is wrong with it. */
export function readSlice(slice: unknown, options: Pick<ResolvedKubernetes, 'scheme' | 'port'>): Slice {
  const name = nameOf(slice)
  try {
    return { name, ...read(slice, options) }
  } catch (error) {
    throw new Error(`EndpointSlice ${quoted(name)}: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * The endpoints of a service, sorted by url, each url once. Where none is ready, those that end and still serve are better
 * than nothing (KEP-1669, as kube-proxy does it, here for the whole service). Slices without the port are left out, as
 * kube-proxy does: they are of pods that do not have it. Throws where no slice at all has it.
 */
export function endpointsOf(slices: readonly Slice[], wanted: string | number | undefined): SliceEndpoint[] {
  const without = slices.filter(({ otherPorts }) => otherPorts !== undefined)
  if (without.length > 0 && !slices.some(({ hasPort }) => hasPort)) {
    const [first] = without.sort(byName)
    const missing = wanted === undefined ? 'a single port or one called "http"' : `the port ${quoted(wanted)}`
    throw new Error(
      `no EndpointSlice has ${missing}: the ports of ${quoted(first.name)} are: ${first.otherPorts}; name one of them by \`port\``,
    )
  }
  // A pod that moves from one slice to another is in both for a while.
  const ready = uniqueByUrl(slices.flatMap((slice) => slice.ready))
  return ready.length > 0 ? ready : uniqueByUrl(slices.flatMap((slice) => slice.draining))
}

function read(
  slice: unknown,
  { scheme, port: wanted }: Pick<ResolvedKubernetes, 'scheme' | 'port'>,
): Omit<Slice, 'name'> {
  if (!isRecord(slice)) throw new Error('it is no object')
  const { addressType } = slice
  // Deprecated, without a meaning that the API defines; no controller of Kubernetes makes one.
  if (addressType === 'FQDN') return { ready: [], draining: [], hasPort: false }
  const family = FAMILIES.get(addressType)
  if (family === undefined)
    throw new Error(`its addressType is ${quoted(addressType)}, not "IPv4", "IPv6" or "FQDN"`)
  // null is how the API writes an empty list: a service without pods has such a slice.
  const endpoints = slice.endpoints ?? []
  if (!Array.isArray(endpoints)) throw new Error('its endpoints are no array')
  const { port, words } = choosePort(slice.ports, wanted)
  const ready: SliceEndpoint[] = []
  const draining: SliceEndpoint[] = []
  endpoints.forEach((endpoint: unknown, index) => {
    const host = hostOf(endpoint, family, index)
    const { conditions, zone, nodeName, targetRef } = endpoint as Record<string, unknown>
    const state = stateOf(isRecord(conditions) ? conditions : {})
    if (state === 'out') return
    const pod = isRecord(targetRef) ? targetRef.name : undefined
    const found: SliceEndpoint = {
      url: `${scheme}://${host}:${port}`,
      zone: isText(zone) ? zone : '',
      metadata: { ...(isText(nodeName) && { node: nodeName }), ...(isText(pod) && { pod }) },
    }
    if (state === 'ready') ready.push(found)
    else draining.push(found)
  })
  if (port !== undefined) return { ready, draining, hasPort: true }
  const isUsed = ready.length + draining.length > 0
  return { ready: [], draining: [], hasPort: false, ...(isUsed && { otherPorts: words }) }
}

/** What is not said is ready; what is not said to serve while it ends does not (the API's rules). */
function stateOf({ ready, serving, terminating }: Record<string, unknown>): 'ready' | 'draining' | 'out' {
  if (ready !== false) return 'ready'
  return serving === true && terminating === true ? 'draining' : 'out'
}

/** The first address: the others are the same backend. IPv6 in brackets, and in the one way in which URLs write it. */
function hostOf(endpoint: unknown, family: 4 | 6, index: number): string {
  const what = `its endpoint ${index + 1}`
  if (!isRecord(endpoint)) throw new Error(`${what} is no object`)
  const { addresses } = endpoint
  const address: unknown = Array.isArray(addresses) ? addresses[0] : undefined
  if (address === undefined) throw new Error(`${what} has no address`)
  // A zone index (`fe80::1%eth0`) is of another machine, and no part of a URL.
  if (typeof address !== 'string' || isIP(address) !== family || address.includes('%'))
    throw new Error(`${what} has the address ${quoted(address)}, which is no IPv${family} address`)
  return family === 6 ? new URL(`http://[${address}]`).hostname : address
}

function nameOf(slice: unknown): string {
  const metadata = isRecord(slice) ? slice.metadata : undefined
  return isRecord(metadata) && isText(metadata.name) ? metadata.name : '(without a name)'
}

const byName = (a: Slice, b: Slice): number => (a.name < b.name ? -1 : 1)
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const quoted = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, QUOTED_LENGTH)
