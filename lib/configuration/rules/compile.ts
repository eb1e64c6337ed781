import type { ResolvedRule } from '../rule.js'
import { bySpecificity, matcher } from './pattern.js'

export interface CompiledRules {
  /** The rule for a service: the one with the most specific pattern that matches its name; undefined where none does. */
  match(serviceName: string): ResolvedRule | undefined
}

/** Sorts the rules once, so that the first that matches is the most specific one. No two may have the same pattern. */
export function compileRules(rules: readonly ResolvedRule[]): CompiledRules {
  const exact = new Map<string, ResolvedRule>()
  const patterns: { readonly matches: (text: string) => boolean; readonly rule: ResolvedRule }[] = []
  for (const rule of [...rules].sort((a, b) => bySpecificity(a.service, b.service))) {
    if (rule.service.includes('*')) patterns.push({ matches: matcher(rule.service), rule })
    else exact.set(rule.service, rule)
  }
  return {
    match: (serviceName) =>
      exact.get(serviceName) ?? patterns.find(({ matches }) => matches(serviceName))?.rule,
  }
}
