import type { Faults } from '../../options/faults.js'
import { quoted } from '../../options/words.js'
import type { ResolvedRule } from '../rule.js'
import type { ResolvedService } from '../service.js'
import { endpointsUnder } from './apply.js'
import { compileRules } from './compile.js'

const MOST_NAMED = 10

/** Adds what is wrong with rules taken together, and with the services: nothing of it can be seen in one rule alone. */
export function addRuleFaults(
  rules: readonly ResolvedRule[],
  /** Of each rule. */
  paths: readonly string[],
  services: Iterable<ResolvedService>,
  faults: Faults,
): void {
  const pathOf = new Map(rules.map((rule, i) => [rule, paths[i]]))
  addDoubles(rules, 'service', 'pattern', pathOf, faults)
  addDoubles(rules, 'id', 'id', pathOf, faults)
  const compiled = compileRules(rules)
  for (const service of services) {
    const rule = compiled.match(service.name)
    if (
      rule?.endpoints === undefined ||
      service.endpoints.length === 0 ||
      // What they will find is not known yet.
      service.sources.length > 0 ||
      endpointsUnder(service, rule).length > 0
    )
      continue
    faults.add(
      `${pathOf.get(rule)}.endpoints`,
      `rule \`${rule.id}\` leaves service \`${service.name}\` without an endpoint: it lists ${some(rule.endpoints)}, the service has ${some(service.endpoints.map(({ id }) => id))}`,
    )
  }
}

function addDoubles(
  rules: readonly ResolvedRule[],
  key: 'service' | 'id',
  word: string,
  pathOf: ReadonlyMap<ResolvedRule, string>,
  faults: Faults,
): void {
  const first = new Map<string, ResolvedRule>()
  for (const rule of rules) {
    const other = first.get(rule[key])
    if (other === undefined) first.set(rule[key], rule)
    // Where neither rule has an id of its own, the pattern says it already.
    else if (key === 'service' || rule.id !== rule.service || other.id !== other.service) {
      faults.add(
        `${pathOf.get(rule)}.${key}`,
        `has the same ${word} as ${pathOf.get(other)}: \`${rule[key]}\`; each rule has its own`,
      )
    }
  }
}

const some = (ids: readonly string[]): string =>
  quoted(ids.slice(0, MOST_NAMED)) + (ids.length > MOST_NAMED ? ', ...' : '')
