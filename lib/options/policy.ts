import type { CustomPolicyName, PolicyName } from '../model/index.js'
import { customPolicyNames, isCustomPolicy } from '../runtime/policies.js'
import { check } from './check.js'
import { DEFAULT_POLICY, POLICY_DEFAULTS, POLICY_NAMES, POLICY_OPTION_DEFAULTS } from './defaults.js'
import { type Faults, join } from './faults.js'
import { isRecord } from './fields.js'
import type { ResolvedPolicy } from './resolved.js'
import type { Schemas } from './schema.js'
import { nearest, quoted, wrong } from './words.js'

/** What others call our policies. */
const OTHER_NAMES: Readonly<Record<string, PolicyName>> = {
  'least-connections': 'least-request',
  leastconn: 'least-request',
  p2c: 'least-request',
  'power-of-two-choices': 'least-request',
  'least-time': 'least-response-time',
  ewma: 'peak-ewma',
  wrr: 'weighted-round-robin',
  'source-ip': 'ip-hash',
  geo: 'geographic',
  ketama: 'ring-hash',
  'consistent-hash': 'ring-hash',
  'highest-random-weight': 'rendezvous',
  jiq: 'join-idle-queue',
}

const isPolicyName = (name: unknown): name is PolicyName =>
  typeof name === 'string' && Object.hasOwn(POLICY_DEFAULTS, name)

/** A policy with its options and their defaults; undefined, with the faults added, where it is wrong. */
export function resolvePolicy(
  value: unknown,
  path: string,
  schemas: Schemas,
  faults: Faults,
): ResolvedPolicy | undefined {
  if (value === undefined) return withDefaults(DEFAULT_POLICY, {})
  const isObject = isRecord(value)
  const name = isObject ? value.name : value
  if (isCustomPolicy(name)) return resolveCustom(name, isObject ? value : {}, path, schemas, faults)
  if (!isPolicyName(name)) {
    const at = isObject ? join(path, 'name') : path
    if (typeof name === 'string') faults.add(at, unknownPolicy(name))
    else if (isObject) faults.add(at, wrong(`one of ${quoted(POLICY_NAMES)}`, name))
    else faults.add(at, wrong('a policy name or an object with `name`', name))
    return undefined
  }
  if (!isObject) return withDefaults(name, {})
  for (const key of Object.keys(value)) addForeignOption(name, key, join(path, key), faults)
  const known = Object.fromEntries(Object.entries(value).filter(([key]) => !isForeignOption(name, key)))
  const options = check(schemas.policies[name], known, path, faults)
  // Each policy's schema lets only its own options through, in their types.
  return options && withDefaults(name, options as Partial<ResolvedPolicy>)
}

/** A policy of the user's own: its options are its own business. */
function resolveCustom(
  name: CustomPolicyName,
  value: Record<string, unknown>,
  path: string,
  schemas: Schemas,
  faults: Faults,
): ResolvedPolicy | undefined {
  const config = check(schemas.customPolicy, { ...value, name }, path, faults)
  return config && Object.freeze({ ...POLICY_OPTION_DEFAULTS, options: config.options ?? {}, name })
}

const withDefaults = (name: PolicyName, options: Partial<ResolvedPolicy>): ResolvedPolicy =>
  Object.freeze({ ...POLICY_OPTION_DEFAULTS, ...POLICY_DEFAULTS[name], ...options, name })

const takers = (option: string): PolicyName[] =>
  POLICY_NAMES.filter((name) => Object.hasOwn(POLICY_DEFAULTS[name], option))

const isForeignOption = (name: PolicyName, option: string): boolean =>
  !Object.hasOwn(POLICY_DEFAULTS[name], option) && takers(option).length > 0

function addForeignOption(name: PolicyName, option: string, path: string, faults: Faults): void {
  if (isForeignOption(name, option))
    faults.add(path, `\`${name}\` has no option \`${option}\`; it is one of ${quoted(takers(option))}`)
}

function unknownPolicy(name: string): string {
  const names = [...POLICY_NAMES, ...customPolicyNames()]
  const meant = nearest(name, [...names, ...Object.keys(OTHER_NAMES)])
  const right = meant !== undefined && Object.hasOwn(OTHER_NAMES, meant) ? OTHER_NAMES[meant] : meant
  const hint =
    right === undefined
      ? 'one of your own is registered by `definePolicy` in each thread, before the balancer is made; '
      : `did you mean \`${right}\`? `
  return `unknown policy ${JSON.stringify(name)}; ${hint}policies: ${quoted(names)}`
}
