/** Nodes and links from what a user, or a server, says: checked whole, every fault with its path. */
import type { TopologyLink, TopologyMeasurement, TopologyNode } from '../model/index.js'
import { parseOrigin, serviceNameFault } from '../options/address.js'
import { type Faults, join } from '../options/faults.js'
import { deepFreeze } from '../options/freeze.js'
import { isRecord } from '../options/kinds.js'
import { withDefaults } from '../options/resolve.js'
import { validate } from '../options/validate.js'
import { LINK, MAX_TAGS, MEASUREMENT, NODE } from './options.js'

/** Values inside of one node's metadata. */
const MAX_VALUES = 10_000

const isWellFormed = (text: string): boolean => Buffer.from(text).toString() === text

/** Values inside of it, each as often as it is met; no more than there may be are counted. */
function count(value: unknown, most = MAX_VALUES): number {
  if (typeof value !== 'object' || value === null) return 1
  let sum = 1
  for (const item of Object.values(value)) {
    sum += count(item, most - sum)
    if (sum > most) return sum
  }
  return sum
}

/** From copied data; undefined, with the faults added, where anything is wrong. */
export function resolveNode(value: unknown, path: string, faults: Faults): TopologyNode | undefined {
  const before = faults.count
  const config = validate(NODE, value, path, faults)
  if (!isRecord(value)) return undefined
  checkMost(value.capabilities, join(path, 'capabilities'), faults)
  const services = isRecord(value.services)
    ? resolveServices(value.services, join(path, 'services'), faults)
    : {}
  if (config !== undefined && !isWellFormed(config.id))
    faults.add(join(path, 'id'), 'has half of a surrogate pair in it; ids are whole text')
  if (count(value.metadata) > MAX_VALUES)
    faults.add(join(path, 'metadata'), `has more than ${MAX_VALUES} values`)
  if (config === undefined || faults.count > before) return undefined
  const { bandwidthMbps, latencyMs, metadata, ...rest } = withDefaults(NODE.shape, config)
  // As other threads will have it: JSON knows neither infinity nor bytes.
  const plain = JSON.parse(JSON.stringify(metadata)) as Record<string, unknown>
  return deepFreeze({ ...rest, bandwidthMbps, latencyMs, metadata: plain, services }) as TopologyNode
}

/** As `resolveNode`. */
export function resolveLink(value: unknown, path: string, faults: Faults): TopologyLink | undefined {
  const before = faults.count
  const config = validate(LINK, value, path, faults)
  if (!isRecord(value)) return undefined
  checkMost(value.bridges, join(path, 'bridges'), faults)
  if (config !== undefined && config.from === config.to)
    faults.add(join(path, 'to'), `is ${JSON.stringify(config.to)}, as \`from\` is; a link joins two regions`)
  if (config === undefined || faults.count > before) return undefined
  const { bandwidthMbps, ...rest } = withDefaults(LINK.shape, config)
  return deepFreeze({ ...rest, bandwidthMbps }) as TopologyLink
}

/** As `resolveNode`. */
export function resolveMeasurement(
  value: unknown,
  path: string,
  faults: Faults,
): TopologyMeasurement | undefined {
  const config = validate(MEASUREMENT, value, path, faults)
  if (config === undefined) return undefined
  const { latencyMs, bandwidthMbps, ...rest } = withDefaults(MEASUREMENT.shape, config)
  return deepFreeze({ ...rest, latencyMs, bandwidthMbps })
}

function resolveServices(
  services: Record<string, unknown>,
  path: string,
  faults: Faults,
): Record<string, string> {
  const origins: [string, string][] = []
  for (const [name, url] of Object.entries(services)) {
    const at = join(path, name)
    const nameFault = serviceNameFault(name)
    if (nameFault !== undefined) faults.add(at, nameFault)
    const origin = typeof url === 'string' ? parseOrigin(url) : 'is no URL like `http://10.0.0.1:8080`'
    if (typeof origin === 'string') faults.add(at, origin)
    else origins.push([name, origin.url])
  }
  checkMost(origins, path, faults)
  return Object.fromEntries(origins)
}

function checkMost(list: unknown, path: string, faults: Faults): void {
  if (Array.isArray(list) && list.length > MAX_TAGS)
    faults.add(path, `has ${list.length} entries; ${MAX_TAGS} are allowed`)
}
