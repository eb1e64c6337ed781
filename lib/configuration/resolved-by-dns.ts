import { isIP } from 'node:net'
import { type Faults, join } from '../options/faults.js'
import { isRecord } from '../options/kinds.js'
import { withDefaults } from '../options/resolve.js'
import { DNS_SOURCE, type ResolvedSource, SOURCE } from '../sources/options.js'
import { resolveEndpoint } from './endpoint.js'

/** Whether an endpoint, as configured, stands for all addresses of its host. */
export const isResolved = (value: unknown): boolean => isRecord(value) && value.resolve === true

/** The endpoints with `resolve: true` among those that are listed: each is a source, whose addresses are endpoints. */
export function sourcesAmong(listed: readonly unknown[], path: string, faults: Faults): ResolvedSource[] {
  return listed.flatMap((value, i) =>
    isResolved(value) ? (sourceOf(value, join(path, i), faults) ?? []) : [],
  )
}

/** The source that it is; undefined, with the faults added, where it is wrong. */
function sourceOf(value: unknown, path: string, faults: Faults): ResolvedSource | undefined {
  const { resolve: _, ...plain } = value as Record<string, unknown>
  for (const key of ['id', 'dispatcher'])
    if (plain[key] !== undefined)
      faults.add(join(path, key), 'is of one endpoint, and with `resolve` there may be several; leave it out')
  const endpoint = resolveEndpoint(plain, path, faults)
  if (endpoint === undefined) return undefined
  const { url, host, port, weight, zone, region, priority, metadata } = endpoint
  if (isIP(host) !== 0) {
    faults.add(join(path, 'resolve'), `is for a host name, and ${host} is an address; leave it out`)
    return undefined
  }
  const scheme = url.startsWith('https:') ? 'https' : 'http'
  const options = withDefaults(DNS_SOURCE.shape, { name: host, port, scheme })
  const { maxDrop, holdMs, maxEndpoints } = withDefaults(SOURCE.shape, {})
  const common = { weight, zone, region, priority, metadata }
  return { kind: 'dns', options: { ...options, common }, maxDrop, holdMs, maxEndpoints }
}
