import { ArgumentError } from '../errors.js'
import type { SubsetValue } from '../model/index.js'
import { type Faults, join } from '../options/faults.js'
import { choice, group, instance, isRecord, list, record, text, ts } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'
import { validate } from '../options/validate.js'
import type { Node } from './node.js'

const KEY = text({ right: 'a metadata key', message: () => 'must be a metadata key', minLength: 1 })
const VALUE = instance(isValue, 'text, a number, true or false')

export const SUBSETS = group(
  {
    selectors: list(list(KEY, { right: 'a list of metadata keys like `["version"]`', nonEmpty: true }), {
      right: 'an array of lists of metadata keys like `[["version"], ["stage", "version"]]`',
      nonEmpty: true,
      required: true,
      about: 'The sets of metadata keys that a request may choose endpoints by, with `subset`.',
    }),
    fallback: choice(['none', 'any', 'default'], {
      default: 'none',
      defaultText: "`'none'`",
      source: 'Envoy',
      about:
        'Where a request goes that names no subset, or none that has endpoints: nowhere (`FAIRLEAD_NO_ENDPOINT`), to any endpoint, or to those of `default`.',
    }),
    default: record('an object of metadata', {
      ts: ts<Readonly<Record<string, SubsetValue>>>('Readonly<Record<string, SubsetValue>>'),
      defaultText: 'none',
      about: 'Metadata of the endpoints of the fallback `default`.',
    }),
  },
  {
    name: 'SubsetsConfig',
    off: true,
    summary: 'Requests choose endpoints by metadata: `subset` of a request.',
  },
)

export type ResolvedSubsets = ResolvedOf<typeof SUBSETS.shape>

/** How the options go together, whether or not each of them is right. */
export function checkSubsets(subsets: unknown, path: string, faults: Faults): void {
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
  for (const [key, value] of Object.entries(wanted)) validate(VALUE, value, join(at, key), faults)
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

/** The endpoints that a request may go to, and the name of that set. */
export interface Subset<T> {
  readonly key: string
  readonly members: readonly T[]
}

type Criteria = Readonly<Record<string, SubsetValue>>

/**
 * Subsets of endpoints by their metadata (Envoy). A selector is a list of keys: endpoints that have all of them form one
 * subset for each combination of values. A request that names the keys of a selector goes to the subset of its values;
 * one that names none, other keys, or values that no endpoint has, goes where `fallback` says.
 */
export class Subsets<T extends Node> {
  readonly #options: ResolvedSubsets
  readonly #all: Subset<T>
  /** By the sorted keys of a selector, then by values. */
  readonly #selectors = new Map<string, Map<string, Subset<T> & { members: T[] }>>()
  readonly #fallback: Subset<T> | undefined

  constructor(members: readonly T[], options: ResolvedSubsets) {
    this.#options = options
    this.#all = { key: '', members }
    for (const keys of options.selectors) this.#index([...keys].sort(), members)
    this.#fallback = this.#fallbackSubset()
  }

  /** Undefined where the request names no subset that is there, and the fallback is none either. Throws `ArgumentError`. */
  of(criteria: unknown): Subset<T> | undefined {
    if (criteria === undefined) return this.#fallback
    const wanted = checked(criteria)
    const keys = Object.keys(wanted).sort()
    return this.#selectors.get(nameOf(keys))?.get(nameOf(keys.map((key) => wanted[key]))) ?? this.#fallback
  }

  #index(keys: readonly string[], members: readonly T[]): void {
    const subsets = new Map<string, Subset<T> & { members: T[] }>()
    for (const member of members) {
      const { metadata } = member.endpoint
      if (!keys.every((key) => Object.hasOwn(metadata, key))) continue
      const values = nameOf(keys.map((key) => metadata[key]))
      let subset = subsets.get(values)
      if (subset === undefined)
        subsets.set(values, (subset = { key: `${nameOf(keys)}=${values}`, members: [] }))
      subset.members.push(member)
    }
    this.#selectors.set(nameOf(keys), subsets)
  }

  #fallbackSubset(): Subset<T> | undefined {
    const { fallback, default: wanted = {} } = this.#options
    if (fallback === 'none') return undefined
    if (fallback === 'any') return this.#all
    const members = this.#all.members.filter(({ endpoint: { metadata } }) =>
      Object.entries(wanted).every(([key, value]) => Object.hasOwn(metadata, key) && metadata[key] === value),
    )
    return members.length === 0 ? undefined : { key: 'default', members }
  }
}

/** One text, the usual case among thousands of endpoints, needs no JSON; nothing else begins with its letter. */
const nameOf = (parts: readonly unknown[]): string =>
  parts.length === 1 && typeof parts[0] === 'string' ? `s${parts[0]}` : JSON.stringify(parts)

function isValue(value: unknown): value is SubsetValue {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

function checked(criteria: unknown): Criteria {
  if (typeof criteria !== 'object' || criteria === null || Array.isArray(criteria))
    throw new ArgumentError(
      `subset of the request is ${String(criteria)}; it takes an object like { version: 'v2' }`,
    )
  for (const [key, value] of Object.entries(criteria)) {
    if (!isValue(value))
      throw new ArgumentError(
        `subset.${key} of the request is ${typeof value === 'object' ? 'an object' : String(value)}; it takes a string, a number or a boolean`,
      )
  }
  return criteria as Criteria
}
