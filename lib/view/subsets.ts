import { ArgumentError } from '../errors.js'
import type { SubsetsConfig, SubsetValue } from '../model/index.js'
import type { Node } from './pipeline.js'

export type ResolvedSubsets = Readonly<Required<Omit<SubsetsConfig, 'default'>>> &
  Pick<SubsetsConfig, 'default'>

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

const isValue = (value: unknown): value is SubsetValue =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)

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
