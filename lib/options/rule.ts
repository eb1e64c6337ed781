import { patternFault } from './address.js'
import { check } from './check.js'
import { deepFreeze } from './endpoint.js'
import { type Faults, join } from './faults.js'
import { isRecord } from './fields.js'
import { resolvePolicy } from './policy.js'
import type { ResolvedRule } from './resolved.js'
import type { Schemas } from './schema.js'
import { checkBackoff } from './service.js'
import { wrong } from './words.js'

/** One rule from copied data; undefined, with the faults added, where anything is wrong. Knows nothing of other rules. */
export function resolveRule(
  value: unknown,
  path: string,
  schemas: Schemas,
  faults: Faults,
): ResolvedRule | undefined {
  const before = faults.count
  if (!isRecord(value)) {
    faults.add(path, wrong('an object with `service`', value))
    return undefined
  }
  const at = (key: string) => join(path, key)
  const config = check(schemas.rule, value, path, faults)
  const { service } = value
  const fault = typeof service === 'string' ? patternFault(service) : undefined
  if (fault !== undefined) faults.add(at('service'), fault)
  const policy =
    value.policy === undefined ? undefined : resolvePolicy(value.policy, at('policy'), schemas, faults)
  const weights = isRecord(value.weights)
    ? resolveWeights(value.weights, at('weights'), schemas, faults)
    : undefined
  checkBackoff(value.retry, at('retry'), faults)
  if (Array.isArray(value.endpoints)) checkListedOnce(value.endpoints, at('endpoints'), faults)
  if (faults.count > before || config === undefined) return undefined
  const { service: pattern, id = pattern, endpoints, retry, healthInterval } = config
  return deepFreeze({
    id,
    service: pattern,
    ...(policy && { policy }),
    ...(endpoints && { endpoints }),
    ...(weights && { weights }),
    ...(retry !== undefined && { retry: retry === false ? { attempts: 1 } : retry }),
    ...(healthInterval !== undefined && { healthInterval }),
  })
}

function resolveWeights(
  weights: Record<string, unknown>,
  path: string,
  schemas: Schemas,
  faults: Faults,
): Record<string, number> {
  // An endpoint may be called `__proto__`.
  const resolved: Record<string, number> = Object.create(null)
  for (const [id, value] of Object.entries(weights)) {
    const weight = check(schemas.weight, value, join(path, id), faults)
    if (weight !== undefined) resolved[id] = weight
  }
  return resolved
}

function checkListedOnce(ids: readonly unknown[], path: string, faults: Faults): void {
  const first = new Map<unknown, number>()
  ids.forEach((id, i) => {
    const seen = first.get(id)
    if (seen === undefined) first.set(id, i)
    else faults.add(join(path, i), `names the same endpoint as ${join(path, seen)}: ${JSON.stringify(id)}`)
  })
}
