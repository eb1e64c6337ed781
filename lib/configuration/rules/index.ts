/** Rules: settings laid over the services whose names match a pattern. */
export { applyRule } from './apply.js'
export { type CompiledRules, compileRules } from './compile.js'
export { RuleSet, type RuleStore } from './rule-set.js'
