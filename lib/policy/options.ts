/** `policy` of a service or a rule: a name, or a policy's options with its name. */
import type { CustomPolicyName, PolicyName } from '../model/index.js'
import { type Faults, join } from '../options/faults.js'
import { exactly, group, isRecord, record, text, ts } from '../options/kinds.js'
import type { GroupOption, Shape } from '../options/option.js'
import { withDefaults } from '../options/resolve.js'
import { validate } from '../options/validate.js'
import { nearest, quoted, wrong } from '../options/words.js'
import { customPolicyNames, isCustomPolicy } from '../runtime/policies.js'
import { DEFAULT_POLICY, POLICY_LIST } from './list.js'
import type { ResolvedPolicy } from './policy.js'

export const POLICY_NAMES: readonly PolicyName[] = POLICY_LIST.map(({ name }) => name)

/** What a policy of the user's own takes: its options are its own business. */
export const CUSTOM_POLICY = group({
  name: text({ right: 'text', required: true }),
  options: record('an object of options', {
    ts: ts<Readonly<Record<string, unknown>>>('Readonly<Record<string, unknown>>'),
    default: {},
    defaultText: '`{}`',
    about: 'Of a policy of your own: plain data, handed to it as it is.',
  }),
})

/** By policy: what an object that names it may say. */
export const POLICY_OPTIONS: ReadonlyMap<string, GroupOption> = new Map(
  POLICY_LIST.map(({ name, options }): [string, GroupOption] => [
    name,
    group({
      name: exactly(name, {
        type: 'string',
        range: `\`'${name}'\``,
        required: true,
        about: 'The policy.',
      }),
      ...(options as Shape),
    }),
  ]),
)

/** Of options that a policy does not read. Where policies have different defaults, this one means nothing. */
const UNREAD: Readonly<Record<string, unknown>> = Object.assign(
  withDefaults(CUSTOM_POLICY.shape, {}),
  ...POLICY_LIST.map(({ options }) => withDefaults(options as Shape, {})),
)

/** By what others call our policies. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map(
  POLICY_LIST.flatMap(({ name, otherNames = [] }) =>
    otherNames.map((other): [string, string] => [other, name]),
  ),
)

/** A policy with its options and their defaults; undefined, with the faults added, where it is wrong. */
export function resolvePolicy(value: unknown, path: string, faults: Faults): ResolvedPolicy | undefined {
  if (value === undefined) return policyOf(DEFAULT_POLICY)
  const isObject = isRecord(value)
  const name = isObject ? value.name : value
  if (isCustomPolicy(name)) return resolveCustom(name, isObject ? value : {}, path, faults)
  const group = typeof name === 'string' ? POLICY_OPTIONS.get(name) : undefined
  if (group === undefined) {
    const at = isObject ? join(path, 'name') : path
    if (typeof name === 'string') faults.add(at, unknownPolicy(name))
    else if (isObject) faults.add(at, wrong(`one of ${quoted(POLICY_NAMES)}`, name))
    else faults.add(at, wrong('a policy name or an object with `name`', name))
    return undefined
  }
  const own = name as PolicyName
  if (!isObject) return policyOf(own)
  for (const key of Object.keys(value)) addForeignOption(own, key, join(path, key), faults)
  const known = Object.fromEntries(Object.entries(value).filter(([key]) => !isForeignOption(own, key)))
  const options = validate(group, known, path, faults)
  return options && policyOf(own, options as Partial<ResolvedPolicy>)
}

function resolveCustom(
  name: CustomPolicyName,
  value: Record<string, unknown>,
  path: string,
  faults: Faults,
): ResolvedPolicy | undefined {
  const config = validate(CUSTOM_POLICY, { ...value, name }, path, faults)
  return config && (Object.freeze({ ...UNREAD, options: config.options ?? {}, name }) as ResolvedPolicy)
}

/** With the defaults of what `options` leaves out. */
export const policyOf = (name: PolicyName, options: Partial<ResolvedPolicy> = {}): ResolvedPolicy =>
  Object.freeze({ ...UNREAD, ...defaultsOf(name), ...options, name }) as ResolvedPolicy

const defaultsOf = (name: PolicyName): object => withDefaults(shapeOf(name), {})

const shapeOf = (name: PolicyName): Shape => (POLICY_OPTIONS.get(name) as GroupOption).shape

const takers = (option: string): PolicyName[] =>
  POLICY_NAMES.filter((name) => Object.hasOwn(shapeOf(name), option))

const isForeignOption = (name: PolicyName, option: string): boolean =>
  !Object.hasOwn(shapeOf(name), option) && takers(option).length > 0

function addForeignOption(name: PolicyName, option: string, path: string, faults: Faults): void {
  if (isForeignOption(name, option))
    faults.add(path, `\`${name}\` has no option \`${option}\`; it is one of ${quoted(takers(option))}`)
}

function unknownPolicy(name: string): string {
  const names = [...POLICY_NAMES, ...customPolicyNames()]
  const meant = nearest(name, [...names, ...OTHER_NAMES.keys()])
  const right = meant === undefined ? undefined : (OTHER_NAMES.get(meant) ?? meant)
  const hint =
    right === undefined
      ? 'one of your own is registered by `definePolicy` in each thread, before the balancer is made; '
      : `did you mean \`${right}\`? `
  return `unknown policy ${JSON.stringify(name)}; ${hint}policies: ${quoted(names)}`
}
