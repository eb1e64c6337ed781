import type { RuleConfig } from '../../model/index.js'
import { Faults } from '../../options/faults.js'
import { nearest, quoted } from '../../options/words.js'
import type { ResolvedRule } from '../rule.js'
import type { ResolvedService } from '../service.js'
import { addRuleFaults } from './conflicts.js'

/** Where the rules of a running balancer are kept. */
export interface RuleStore {
  /** The rules in force. */
  read(): readonly ResolvedRule[]
  /**
   * Puts the rules that `edit` makes of those in force into their place; made anew where they have changed meanwhile.
   * Throws what `edit` throws, and then nothing has changed.
   */
  commit(
    edit: (rules: readonly ResolvedRule[], services: Iterable<ResolvedService>) => readonly ResolvedRule[],
  ): void
}

/** Checks one rule by itself, and fills in its defaults. Throws `ConfigError`. */
type ParseRule = (rule: RuleConfig, path: string) => ResolvedRule

/** The rules of a running balancer. Each change is checked in full before it is made; a bad one throws and changes nothing. */
export class RuleSet {
  readonly #store: RuleStore
  readonly #parse: ParseRule

  /** @internal */
  constructor(store: RuleStore, parse: ParseRule) {
    this.#store = store
    this.#parse = parse
  }

  /**
   * Adds a rule, in force at once for all services that it matches.
   * @returns the rule with its defaults, and with its pattern for an id where it has none
   * @throws ConfigError where the rule is faulty, or does not go with the others or with a service
   */
  add(rule: RuleConfig): ResolvedRule {
    return this.#change((rules) => {
      const added = this.#parse(rule, `rules[${rules.length}]`)
      return [[...rules, added], added]
    })
  }

  /**
   * Puts another rule in the place of the one called `id`; it keeps that id unless it brings its own.
   * @throws ConfigError as `add` does, and where there is no such rule
   */
  update(id: string, rule: RuleConfig): ResolvedRule {
    return this.#change((rules) => {
      const index = indexOf(rules, id)
      const parsed = this.#parse(rule, `rules[${index}]`)
      const updated = rule.id === undefined ? Object.freeze({ ...parsed, id }) : parsed
      return [rules.with(index, updated), updated]
    })
  }

  /**
   * Takes the rule called `id` out and returns it.
   * @throws ConfigError where there is none, or where the rule that comes into effect instead leaves a service no endpoint
   */
  remove(id: string): ResolvedRule {
    return this.#change((rules) => {
      const index = indexOf(rules, id)
      return [rules.toSpliced(index, 1), rules[index]]
    })
  }

  /** The rules in the order in which they were given, which means nothing. */
  list(): readonly ResolvedRule[] {
    return this.#store.read()
  }

  /** `edit` returns all rules as they are to be, and the one that the caller gets. */
  #change(
    edit: (rules: readonly ResolvedRule[]) => [rules: readonly ResolvedRule[], result: ResolvedRule],
  ): ResolvedRule {
    let result: ResolvedRule | undefined
    this.#store.commit((before, services) => {
      const [rules, one] = edit(before)
      const faults = new Faults()
      const paths = rules.map((_, i) => `rules[${i}]`)
      addRuleFaults(rules, paths, services, faults)
      faults.throwIfAny()
      result = one
      return rules
    })
    return result as ResolvedRule
  }
}

/** Throws a `ConfigError` where no rule is called that. */
function indexOf(rules: readonly ResolvedRule[], id: string): number {
  const index = rules.findIndex((rule) => rule.id === id)
  if (index >= 0) return index
  const ids = rules.map((rule) => rule.id)
  const meant = typeof id === 'string' ? nearest(id, ids) : undefined
  const faults = new Faults()
  faults.add(
    'rules',
    `no rule has id \`${String(id)}\`; ${meant ? `did you mean \`${meant}\`?` : `rules: ${quoted(ids) || 'none'}`}`,
  )
  faults.throwIfAny()
  return index
}
