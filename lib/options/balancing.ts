/** How the options that surround a policy fit together; as `consistency.ts`, on copied data that may be wrong elsewhere. */
import { check } from './check.js'
import { type Faults, join } from './faults.js'
import { isRecord } from './fields.js'
import type { Schemas } from './schema.js'
import { grouped } from './words.js'

export function checkZoneAware(
  zoneAware: unknown,
  zone: unknown,
  path: string,
  schemas: Schemas,
  faults: Faults,
): void {
  if (!isRecord(zoneAware)) return
  if (zone === undefined || zone === '')
    faults.add(path, 'needs `zone` beside it: the name of the zone that this process runs in')
  const { origin } = zoneAware
  if (!isRecord(origin)) return
  const at = join(path, 'origin')
  for (const [name, count] of Object.entries(origin))
    check(schemas.originCount, count, join(at, name), faults)
  if (typeof zone !== 'string' || zone === '') return
  const own = Object.hasOwn(origin, zone) ? origin[zone] : undefined
  if (own === undefined || own === 0)
    faults.add(at, `has no callers in zone ${JSON.stringify(zone)}, which is this process's own`)
}

export function checkSubsets(subsets: unknown, path: string, schemas: Schemas, faults: Faults): void {
  if (!isRecord(subsets)) return
  const { selectors, fallback } = subsets
  if (Array.isArray(selectors)) checkSelectors(selectors, join(path, 'selectors'), faults)
  const at = join(path, 'default')
  const wanted = subsets.default
  if (fallback === 'default' && wanted === undefined)
    faults.add(
      path,
      "has the fallback `default`, and no `default`: the metadata of that fallback's endpoints",
    )
  if (fallback !== 'default' && wanted !== undefined)
    faults.add(at, "is read by the fallback `default` alone; add `fallback: 'default'`, or leave it out")
  if (!isRecord(wanted)) return
  for (const [key, value] of Object.entries(wanted)) check(schemas.subsetValue, value, join(at, key), faults)
}

function checkSelectors(selectors: readonly unknown[], path: string, faults: Faults): void {
  const first = new Map<string, number>()
  selectors.forEach((selector, i) => {
    if (!Array.isArray(selector)) return
    const keys = [...selector].sort()
    const twice = keys.find((key, at) => at > 0 && key === keys[at - 1])
    if (twice !== undefined) faults.add(join(path, i), `names the key ${JSON.stringify(twice)} twice`)
    const name = JSON.stringify(keys)
    const seen = first.get(name)
    if (seen === undefined) first.set(name, i)
    else faults.add(join(path, i), `has the same keys as ${join(path, seen)}`)
  })
}

export function checkAperture(aperture: unknown, path: string, faults: Faults): void {
  if (!isRecord(aperture)) return
  const { instanceId, totalInstances } = aperture
  if (typeof instanceId !== 'number' || typeof totalInstances !== 'number') return
  if (instanceId >= totalInstances)
    faults.add(
      join(path, 'instanceId'),
      `must be less than \`totalInstances\`, which is ${grouped(totalInstances)}; it is ${grouped(instanceId)}`,
    )
}
