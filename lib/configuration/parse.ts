/**
 * The configuration: checked whole, before anything changes. Each function throws a `ConfigError` that lists every fault
 * with its path, whatever it is given; what it returns is frozen, has every default filled in, and shares nothing with the input.
 */
import type { Endpoint } from '../model/index.js'
import { serviceNameFault } from '../options/address.js'
import { check } from '../options/check.js'
import { resolveEndpoint } from '../options/endpoint.js'
import { Faults, join } from '../options/faults.js'
import { isRecord } from '../options/fields.js'
import { copyPlain } from '../options/plain.js'
import type { ResolvedConfig, ResolvedRule, ResolvedService } from '../options/resolved.js'
import { resolveRule } from '../options/rule.js'
import { loadSchemas, type Schemas } from '../options/schema.js'
import { resolveService } from '../options/service.js'
import { addRuleFaults } from './rules/conflicts.js'

export type {
  ResolvedClient,
  ResolvedConfig,
  ResolvedHealth,
  ResolvedHttpCheck,
  ResolvedLimits,
  ResolvedOutlier,
  ResolvedPolicy,
  ResolvedRetry,
  ResolvedRule,
  ResolvedService,
  RetryOverlay,
} from '../options/resolved.js'

/**
 * A whole configuration.
 * @throws ConfigError
 */
export function parseBalancerConfig(input: unknown): ResolvedConfig {
  return parse(input, '', (value, schemas, faults) => {
    const config = check(schemas.root, value, '', faults)
    if (!isRecord(value)) return undefined
    const services = resolveServices(isRecord(value.services) ? value.services : {}, schemas, faults)
    const rules = resolveRules(Array.isArray(value.rules) ? value.rules : [], services, schemas, faults)
    return config && Object.freeze({ services, rules, seed: config.seed })
  })
}

/**
 * One endpoint, as `service.add` takes it.
 * @param path what the messages call it
 * @throws ConfigError
 */
export function parseEndpoint(input: unknown, path: string): Endpoint {
  return parse(input, path, (value, schemas, faults) => resolveEndpoint(value, path, schemas, faults))
}

/**
 * One rule by itself; how it goes with other rules and the services is for `RuleSet`.
 * @param path what the messages call it
 * @throws ConfigError
 */
export function parseRule(input: unknown, path: string): ResolvedRule {
  return parse(input, path, (value, schemas, faults) => resolveRule(value, path, schemas, faults))
}

/** `resolve` returns undefined only where it has added a fault. */
function parse<T>(
  input: unknown,
  path: string,
  resolve: (value: unknown, schemas: Schemas, faults: Faults) => T | undefined,
): T {
  const faults = new Faults()
  const value = copyPlain(input, path, faults)
  const resolved = resolve(value, loadSchemas(), faults)
  faults.throwIfAny()
  return resolved as T
}

function resolveServices(
  values: Record<string, unknown>,
  schemas: Schemas,
  faults: Faults,
): Map<string, ResolvedService> {
  const services = new Map<string, ResolvedService>()
  for (const [name, value] of Object.entries(values)) {
    const path = join('services', name)
    const nameFault = serviceNameFault(name)
    if (nameFault !== undefined) faults.add(path, nameFault)
    const service = resolveService(name, value, path, schemas, faults)
    if (service !== undefined) services.set(name, service)
  }
  return services
}

function resolveRules(
  values: readonly unknown[],
  services: ReadonlyMap<string, ResolvedService>,
  schemas: Schemas,
  faults: Faults,
): readonly ResolvedRule[] {
  const rules: ResolvedRule[] = []
  const paths: string[] = []
  values.forEach((value, i) => {
    const path = join('rules', i)
    const rule = resolveRule(value, path, schemas, faults)
    if (rule === undefined) return
    rules.push(rule)
    paths.push(path)
  })
  addRuleFaults(rules, paths, services.values(), faults)
  return Object.freeze(rules)
}
