/**
 * The configuration: checked whole, before anything changes. Each function throws a `ConfigError` that lists every fault
 * with its path, whatever it is given; what it returns is frozen, has every default filled in, and shares nothing with the input.
 */
import type { Endpoint, RuleConfig, ServiceConfig } from '../model/index.js'
import { serviceNameFault } from '../options/address.js'
import { Faults, join } from '../options/faults.js'
import { anything, group, isRecord, list, number, record, ts } from '../options/kinds.js'
import { copyPlain } from '../options/plain.js'
import { validate } from '../options/validate.js'
import { resolveEndpoint, resolveEndpoints } from './endpoint.js'
import { type ResolvedRule, resolveRule } from './rule.js'
import { addRuleFaults } from './rules/conflicts.js'
import { type ResolvedService, resolveService } from './service.js'

const MAX_SEED = 0xffff_ffff

export const ROOT = group(
  {
    services: record('an object of services by name', {
      range: 'services by name',
      ts: ts<Record<string, ServiceConfig>>('Record<string, ServiceConfig>'),
      required: true,
      about: 'The services by name: the `host` or `host:port` of the URLs that requests are sent to.',
    }),
    rules: list(anything({ ts: ts<RuleConfig>('RuleConfig') }), {
      right: 'an array of rules',
      range: 'rules',
      defaultText: '`[]`',
      about: 'Settings laid over the services whose names match.',
    }),
    seed: number({
      integer: true,
      min: 0,
      max: MAX_SEED,
      defaultText: 'drawn at random',
      about: "Seed of the balancer's random numbers, for reproducible runs.",
    }),
  },
  {
    name: 'BalancerConfig',
    right: 'an object with `services`',
    summary: 'What a `Balancer` is made of: services by name, and rules over them.',
  },
)

export interface ResolvedConfig {
  /** By name. A map, because a service may be called `constructor` or `__proto__`. */
  readonly services: ReadonlyMap<string, ResolvedService>
  readonly rules: readonly ResolvedRule[]
  /** undefined: the balancer draws one. */
  readonly seed: number | undefined
}

/**
 * A whole configuration.
 * @throws ConfigError
 */
export function parseBalancerConfig(input: unknown): ResolvedConfig {
  return parse(input, '', (value, faults) => {
    const config = validate(ROOT, value, '', faults)
    if (!isRecord(value)) return undefined
    const services = resolveServices(isRecord(value.services) ? value.services : {}, faults)
    const rules = resolveRules(Array.isArray(value.rules) ? value.rules : [], services, faults)
    return config && Object.freeze({ services, rules, seed: config.seed })
  })
}

/**
 * One endpoint, as `service.add` takes it.
 * @param path what the messages call it
 * @throws ConfigError
 */
export function parseEndpoint(input: unknown, path: string): Endpoint {
  return parse(input, path, (value, faults) => resolveEndpoint(value, path, faults))
}

/**
 * The endpoints that a source has found.
 * @param path what the messages call it
 * @throws ConfigError
 */
export function parseEndpoints(input: readonly unknown[], path: string): Endpoint[] {
  return parse(input, path, (value, faults) => resolveEndpoints(value as readonly unknown[], path, faults))
}

/**
 * One rule by itself; how it goes with other rules and the services is for `RuleSet`.
 * @param path what the messages call it
 * @throws ConfigError
 */
export function parseRule(input: unknown, path: string): ResolvedRule {
  return parse(input, path, (value, faults) => resolveRule(value, path, faults))
}

/** `resolve` returns undefined only where it has added a fault. */
function parse<T>(
  input: unknown,
  path: string,
  resolve: (value: unknown, faults: Faults) => T | undefined,
): T {
  const faults = new Faults()
  const value = copyPlain(input, path, faults)
  const resolved = resolve(value, faults)
  faults.throwIfAny()
  return resolved as T
}

function resolveServices(values: Record<string, unknown>, faults: Faults): Map<string, ResolvedService> {
  const services = new Map<string, ResolvedService>()
  for (const [name, value] of Object.entries(values)) {
    const path = join('services', name)
    const nameFault = serviceNameFault(name)
    if (nameFault !== undefined) faults.add(path, nameFault)
    const service = resolveService(name, value, path, faults)
    if (service !== undefined) services.set(name, service)
  }
  return services
}

function resolveRules(
  values: readonly unknown[],
  services: ReadonlyMap<string, ResolvedService>,
  faults: Faults,
): readonly ResolvedRule[] {
  const rules: ResolvedRule[] = []
  const paths: string[] = []
  values.forEach((value, i) => {
    const path = join('rules', i)
    const rule = resolveRule(value, path, faults)
    if (rule === undefined) return
    rules.push(rule)
    paths.push(path)
  })
  addRuleFaults(rules, paths, services.values(), faults)
  return Object.freeze(rules)
}
