import type { RuleConfig } from '../model.js'
import { Faults } from '../options/faults.js'
import type { ResolvedRule, ResolvedService } from '../options/resolved.js'
import { nearest, quoted } from '../options/words.js'
import { type CompiledRules, compileRules } from './compile.js'
import { addRuleFaults } from './conflicts.js'

export interface RuleSetOptions {
  /** Checks one rule by itself, and fills in its defaults. Throws `ConfigError`. */
  readonly parse: (rule: RuleConfig, path: string) => ResolvedRule
  /** Parsed rules to begin with. */
  readonly rules?: readonly ResolvedRule[]
  /** The services as they are now; a change of the rules must leave each of them an endpoint. */
  readonly services: () => Iterable<ResolvedService>
  /** Called after each change. Where it throws, the change is undone and the error goes to the caller. */
  readonly onChange: (rules: readonly ResolvedRule[]) => void
}

/** The rules of a running balancer. Each change is checked in full before it is made; a bad one throws and changes nothing. */
export class RuleSet {
  readonly #parse: RuleSetOptions['parse']
  readonly #services: RuleSetOptions['services']
  readonly #onChange: RuleSetOptions['onChange']
  #rules: readonly ResolvedRule[]
  #compiled: CompiledRules

  constructor({ parse, rules = [], services, onChange }: RuleSetOptions) {
    this.#parse = parse
    this.#services = services
    this.#onChange = onChange
    this.#rules = Object.freeze([...rules])
    this.#compiled = compileRules(rules)
  }

  /** @throws ConfigError */
  add(rule: RuleConfig): ResolvedRule {
    const added = this.#parse(rule, `rules[${this.#rules.length}]`)
    this.#change([...this.#rules, added])
    return added
  }

  /**
   * Puts another rule in the place of the one called `id`; it keeps that id unless it brings its own.
   * @throws ConfigError
   */
  update(id: string, rule: RuleConfig): ResolvedRule {
    const index = this.#indexOf(id)
    const parsed = this.#parse(rule, `rules[${index}]`)
    const updated = rule.id === undefined ? Object.freeze({ ...parsed, id }) : parsed
    this.#change(this.#rules.with(index, updated))
    return updated
  }

  /**
   * Takes the rule called `id` out and returns it.
   * @throws ConfigError where there is none, or where the rule that comes into effect instead leaves a service no endpoint
   */
  remove(id: string): ResolvedRule {
    const index = this.#indexOf(id)
    const removed = this.#rules[index]
    this.#change(this.#rules.toSpliced(index, 1))
    return removed
  }

  /** The rules in the order in which they were given, which means nothing. */
  list(): readonly ResolvedRule[] {
    return this.#rules
  }

  /** The rule for a service; undefined where none matches. */
  match(serviceName: string): ResolvedRule | undefined {
    return this.#compiled.match(serviceName)
  }

  /** Takes over rules that were checked as part of a whole configuration, without a callback. */
  replace(rules: readonly ResolvedRule[]): void {
    this.#rules = Object.freeze([...rules])
    this.#compiled = compileRules(rules)
  }

  #change(rules: readonly ResolvedRule[]): void {
    const faults = new Faults()
    addRuleFaults(
      rules,
      rules.map((_, i) => `rules[${i}]`),
      this.#services(),
      faults,
    )
    faults.throwIfAny()
    const before = this.#rules
    this.replace(rules)
    try {
      this.#onChange(this.#rules)
    } catch (error) {
      this.replace(before)
      throw error
    }
  }

  #indexOf(id: string): number {
    const index = this.#rules.findIndex((rule) => rule.id === id)
    if (index >= 0) return index
    const ids = this.#rules.map((rule) => rule.id)
    const meant = typeof id === 'string' ? nearest(id, ids) : undefined
    const faults = new Faults()
    faults.add(
      'rules',
      `no rule has id \`${String(id)}\`; ${meant ? `did you mean \`${meant}\`?` : `rules: ${quoted(ids) || 'none'}`}`,
    )
    faults.throwIfAny()
    return index
  }
}
