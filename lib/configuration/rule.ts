import { HEALTH } from '../health/active/options.js'
import { patternFault } from '../options/address.js'
import { id } from '../options/common.js'
import { type Faults, join } from '../options/faults.js'
import { deepFreeze } from '../options/freeze.js'
import { group, isRecord, list, record, text, ts } from '../options/kinds.js'
import { validate } from '../options/validate.js'
import { wrong } from '../options/words.js'
import { checkRetry, RETRY, type RetryOverlay } from '../outcome/options.js'
import { resolvePolicy } from '../policy/options.js'
import type { ResolvedPolicy } from '../policy/policy.js'
import { WEIGHT } from '../topology/options.js'
import { POLICY } from './service.js'

const THE_SERVICES = "the service's"

export const RULE = group(
  {
    id: id({ defaultText: 'the pattern', about: 'Name of the rule, unique; to update and remove it by.' }),
    service: text({
      right: 'a service name or a pattern like `users-*`',
      range: 'a service name, or a pattern in which `*` stands for any run of characters',
      required: true,
      about: 'The services that the rule is for. The most specific pattern wins.',
    }),
    policy: {
      ...POLICY,
      range: 'as for a service',
      defaultText: THE_SERVICES,
      about: 'Replaces the policy.',
    },
    endpoints: list(
      text({ right: 'the id of an endpoint', message: () => 'must be the id of an endpoint' }),
      {
        right: 'an array of endpoint ids',
        nonEmpty: true,
        defaultText: 'all',
        about: 'Only these endpoints, by id. Ids that a service does not have are passed over.',
      },
    ),
    weights: record('an object of weights by endpoint id', {
      ts: ts<Readonly<Record<string, number>>>('Readonly<Record<string, number>>'),
      defaultText: "the endpoints' own",
      about: 'Weights by endpoint id.',
    }),
    retry: {
      ...RETRY,
      type: 'object or false',
      range: 'as for a service',
      defaultText: THE_SERVICES,
      about: "Laid over the service's own, field by field.",
    },
    healthInterval: {
      ...HEALTH.shape.interval,
      default: undefined,
      source: undefined,
      defaultText: THE_SERVICES,
      about:
        '`interval` of the health checks; cuts their `timeout` to it. No effect where no check is configured.',
    },
  },
  {
    name: 'RuleConfig',
    summary:
      'A rule: service names that match `service` get these settings on top of their own. The most specific pattern wins.',
  },
)

export interface ResolvedRule {
  readonly id: string
  /** Name or pattern of the services that it is for. */
  readonly service: string
  readonly policy?: ResolvedPolicy
  readonly endpoints?: readonly string[]
  /** By endpoint id. Ids may be any text: read it with `Object.hasOwn`. */
  readonly weights?: Readonly<Record<string, number>>
  readonly retry?: RetryOverlay
  readonly healthInterval?: number
}

/** One rule from copied data; undefined, with the faults added, where anything is wrong. Knows nothing of other rules. */
export function resolveRule(value: unknown, path: string, faults: Faults): ResolvedRule | undefined {
  const before = faults.count
  if (!isRecord(value)) {
    faults.add(path, wrong('an object with `service`', value))
    return undefined
  }
  const at = (key: string) => join(path, key)
  const config = validate(RULE, value, path, faults)
  const { service } = value
  const fault = typeof service === 'string' ? patternFault(service) : undefined
  if (fault !== undefined) faults.add(at('service'), fault)
  const policy = value.policy === undefined ? undefined : resolvePolicy(value.policy, at('policy'), faults)
  const weights = isRecord(value.weights) ? resolveWeights(value.weights, at('weights'), faults) : undefined
  checkRetry(value.retry, at('retry'), faults)
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
  faults: Faults,
): Record<string, number> {
  // An endpoint may be called `__proto__`.
  const resolved: Record<string, number> = Object.create(null)
  for (const [id, value] of Object.entries(weights)) {
    const weight = validate(WEIGHT, value, join(path, id), faults)
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
