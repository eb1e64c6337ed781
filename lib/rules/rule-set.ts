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
  /**
   * Called after each change. Where it throws, the change is undone and the error goes to the caller; where it returns
   * false, since the rules have changed meanwhile, the change is undone and made anew on those.
   */
  readonly onChange: (rules: readonly ResolvedRule[]) => boolean | undefined
  /** Called before the rules are read: another thread may have changed them. */
  readonly refresh?: () => void
}

/** The rules of a running balancer. Each change is checked in full before it is made; a bad one throws and changes nothing. */
export class RuleSet {
  readonly #parse: RuleSetOptions['parse']
  readonly #services: RuleSetOptions['services']
  readonly #onChange: RuleSetOptions['onChange']
  readonly #refresh: () => void
  #rules: readonly ResolvedRule[]
  #compiled: CompiledRules

  constructor({ parse, rules = [], services, onChange, refresh = () => {} }: RuleSetOptions) {
    this.#parse = parse
    this.#services = services
    this.#onChange = onChange
    this.#refresh = refresh
    this.#rules = Object.freeze([...rules])
    this.#compiled = compileRules(rules)
  }

  /** @throws ConfigError */
  add(rule: RuleConfig): ResolvedRule {
    return this.#change((rules) => {
      const added = this.#parse(rule, `rules[${rules.length}]`)
      return [[...rules, added], added]
    })
  }

  /**
   * Puts another rule in the place of the one called `id`; it keeps that id unless it brings its own.
   * @throws ConfigError
   */
  update(id: string, rule: RuleConfig): ResolvedRule {
    return this.#change((rules) => {
      const index = this.#indexOf(id)
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
      const index = this.#indexOf(id)
      return [rules.toSpliced(index, 1), rules[index]]
    })
  }

  /** The rules in the order in which they were given, which means nothing. */
  list(): readonly ResolvedRule[] {
    this.#refresh()
    return this.#rules
  }

  /** As `list`, as this thread has them now. */
  get known(): readonly ResolvedRule[] {
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

  /** `edit` returns all rules as they are to be, and the one that the caller gets. */
  #change(
    edit: (rules: readonly ResolvedRule[]) => [rules: readonly ResolvedRule[], result: ResolvedRule],
  ): ResolvedRule {
    for (;;) {
      this.#refresh()
      const before = this.#rules
      const [rules, result] = edit(before)
      const faults = new Faults()
      addRuleFaults(
        rules,
        rules.map((_, i) => `rules[${i}]`),
        this.#services(),
        faults,
      )
      faults.throwIfAny()
      this.replace(rules)
      let taken = true
      try {
        taken = this.#onChange(this.#rules) !== false
      } catch (error) {
        this.replace(before)
        throw error
      }
      if (taken) return result
      this.replace(before)
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
