/** What would be right: the words of messages and documentation that follow from an option. */
import type { NumberSpec, Option } from './option.js'
import { grouped, quoted, wrong } from './words.js'

/** What a number may be. */
export function rangeOf({ min, max, above, step }: NumberSpec): string {
  const range = `${above ? `more than ${grouped(min)}, at most` : `${grouped(min)} to`} ${grouped(max)}`
  return step === undefined ? range : `${range}, in steps of ${step}`
}

/** What is wrong with a value of another kind, or out of range. */
export function faultOf(option: Option, value: unknown): string {
  const fault = option.message?.(value) ?? wrong(rightOf(option), value)
  return option.kind === 'number' ? fault + (option.hint?.(value) ?? '') : fault
}

export function rightOf(option: Option): string {
  switch (option.kind) {
    case 'number': {
      const what = option.integer ? 'a whole number' : 'a number'
      return option.right ?? `${what}${option.unit ? ` of ${option.unit}` : ''}, ${rangeOf(option)}`
    }
    case 'flag':
      return 'true or false'
    case 'choice':
      return `one of ${quoted(option.words)}`
    case 'exactly':
      return JSON.stringify(option.value)
    case 'pair':
      return 'an array of two'
    case 'any':
      return 'anything'
    case 'group':
      return option.right ?? 'an object'
    default:
      return option.right
  }
}
