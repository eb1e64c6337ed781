/** From an answer of `/v1/health/service/:service` to endpoints. Nothing here asks or waits. */
import { isIP } from 'node:net'
import { isRecord } from '../../options/kinds.js'
import { uniqueByUrl } from '../unique.js'
import type { ResolvedConsul } from './options.js'

const MAX_PORT = 65_535
const MAX_WEIGHT = 65_535
const QUOTED_LENGTH = 80
/** Consul's own bounds of what `Meta` may hold. */
const META_KEY = /^[A-Za-z0-9_-]{1,128}$/
const MAX_META_LENGTH = 512
const MAX_META_PAIRS = 64
/** Labels of letters, digits, hyphens and underscores: an address may be a name. */
const HOST_NAME =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i

/** An endpoint, as in a configuration. */
export interface InstanceEndpoint {
  readonly url: string
  readonly weight: number
  readonly zone: string
  readonly region: string
  readonly metadata: {
    readonly node?: string
    readonly id?: string
    readonly meta: Readonly<Record<string, string>>
  }
}

/**
 * The endpoints of an answer, sorted by url, each url once.
 * Throws an error that names the instance that is malformed, and what is wrong with it.
 */
export function endpointsOf(
  answer: unknown,
  options: Pick<ResolvedConsul, 'scheme' | 'passing'>,
): InstanceEndpoint[] {
  if (!Array.isArray(answer)) throw new Error('it is no array of instances')
  return uniqueByUrl(answer.flatMap((instance: unknown, index) => readInstance(instance, index, options)))
}

/** None where the instance gets no requests. */
function readInstance(
  instance: unknown,
  index: number,
  options: Pick<ResolvedConsul, 'scheme' | 'passing'>,
): InstanceEndpoint[] {
  const service = isRecord(instance) ? instance.Service : undefined
  const node = isRecord(instance) ? instance.Node : undefined
  try {
    if (!isRecord(instance) || !isRecord(service) || !isRecord(node))
      throw new Error('it has no `Service` and `Node`')
    const status = statusOf(instance.Checks)
    if (status === 'out' || (status === 'warning' && options.passing)) return []
    const weight = weightOf(service.Weights, status)
    if (weight === 0) return []
    const meta = metaOf(node.Meta, service.Meta)
    return [
      {
        url: `${options.scheme}://${hostOf(service, node)}:${portOf(service.Port)}`,
        weight,
        zone: meta.zone ?? '',
        region: meta.region ?? textOf(node.Datacenter),
        metadata: {
          ...(isText(node.Node) && { node: node.Node }),
          ...(isText(service.ID) && { id: service.ID }),
          meta,
        },
      },
    ]
  } catch (error) {
    const id = isRecord(service) && isText(service.ID) ? ` (${quoted(service.ID)})` : ''
    throw new Error(`its instance ${index + 1}${id}: ${(error as Error).message}`, { cause: error })
  }
}

/** The worst of its checks, as Consul sums them up; maintenance is a critical check. A status that is unknown is no good one. */
function statusOf(checks: unknown): 'passing' | 'warning' | 'out' {
  if (checks === undefined || checks === null) return 'passing'
  if (!Array.isArray(checks)) throw new Error('its checks are no array')
  let worst: 'passing' | 'warning' = 'passing'
  for (const check of checks) {
    const status: unknown = isRecord(check) ? check.Status : undefined
    if (status === 'warning') worst = 'warning'
    else if (status !== 'passing') return 'out'
  }
  return worst
}

/** 0 is allowed for warnings: such an instance is to get nothing then. */
function weightOf(weights: unknown, status: 'passing' | 'warning'): number {
  const name = status === 'passing' ? 'Passing' : 'Warning'
  const weight: unknown = isRecord(weights) ? weights[name] : undefined
  if (weight === undefined || weight === null) return 1
  const least = status === 'passing' ? 1 : 0
  if (!Number.isInteger(weight) || (weight as number) < least || (weight as number) > MAX_WEIGHT)
    throw new Error(`its Weights.${name} is ${quoted(weight)}, not ${least} to ${MAX_WEIGHT}`)
  return weight as number
}

/** The service's address, else its node's. IPv6 in brackets, and in the one way in which URLs write it. */
function hostOf(service: Record<string, unknown>, node: Record<string, unknown>): string {
  const address = isText(service.Address) ? service.Address : node.Address
  if (typeof address === 'string') {
    const family = isIP(address)
    if (family === 4) return address
    // A zone index (`fe80::1%eth0`) is of another machine, and no part of a URL.
    if (family === 6 && !address.includes('%')) return new URL(`http://[${address}]`).hostname
    if (HOST_NAME.test(address) && URL.canParse(`http://${address}`)) return address.toLowerCase()
  }
  throw new Error(`its address is ${quoted(address)}, no IP address or host name`)
}

function portOf(port: unknown): number {
  if (Number.isInteger(port) && (port as number) >= 1 && (port as number) <= MAX_PORT) return port as number
  throw new Error(`its port is ${quoted(port)}, not 1 to ${MAX_PORT}; register the service with a port`)
}

/** The node's pairs, and the service's over them; those that Consul would not have taken are left out. */
function metaOf(node: unknown, service: unknown): Record<string, string> {
  const meta: Record<string, string> = {}
  for (const pairs of [node, service]) {
    if (!isRecord(pairs)) continue
    let taken = 0
    for (const key of Object.keys(pairs)) {
      const value = pairs[key]
      if (typeof value !== 'string' || value.length > MAX_META_LENGTH) continue
      if (!META_KEY.test(key) || key === '__proto__') continue
      if (++taken > MAX_META_PAIRS) break
      meta[key] = value
    }
  }
  return meta
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const quoted = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, QUOTED_LENGTH)
