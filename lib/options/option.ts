/**
 * An option as plain data: its type, range, default, unit, source and sentence, said once beside the code that reads it.
 * From these descriptors come the check of a configuration (`schema.ts`), its defaults (`resolve.ts`), the public types
 * with their hover texts, and the tables of `docs/configuration.md`.
 */
import type { Ts } from './types.js'

/** What is said of an option of any kind. */
export interface Said {
  /** What it does, in a sentence or two. */
  readonly about?: string
  readonly unit?: string
  /** Where the default, or the range, comes from. */
  readonly source?: string
  /** A configuration has to have it. */
  readonly required?: true
  /** The value that holds where it is left out. */
  readonly default?: unknown
  /** What holds where it is left out, in words: where that is no value, or the value says too little. */
  readonly defaultText?: string
  /** Goes on from the default, after a comma. */
  readonly unless?: string
  /** Type and range as the documentation prints them, where they do not follow from the kind. */
  readonly type?: string
  readonly range?: string
  /** The type in TypeScript, where it does not follow from the kind. */
  readonly ts?: Ts<unknown>
  /** What is wrong with a value of another kind; else that it must be something else, and what it is. */
  readonly message?: (value: unknown) => string
}

export interface NumberSpec extends Said {
  readonly min: number
  readonly max: number
  /** The minimum itself is not allowed, nor what single precision cannot tell from it: weights are kept as float32. */
  readonly above?: boolean
  readonly integer?: boolean
  /** What would be right, where it is more than a number in this range. */
  readonly right?: string
  /** Multiples of this only. */
  readonly step?: number
  /** Values that the range holds, and that are wrong all the same, are not accepted. */
  readonly accept?: (value: number) => boolean
  /** What to do instead, for values that suggest a misunderstanding. */
  readonly hint?: (value: unknown) => string
}

export interface TextSpec extends Said {
  readonly right: string
  /** What would be right, where it is a text already. */
  readonly rightText?: string
  readonly pattern?: RegExp
  readonly accept?: (text: string) => boolean
  readonly minLength?: number
  readonly maxLength?: number
}

export interface ListSpec extends Said {
  readonly right: string
  readonly nonEmpty?: boolean
  /** What is wrong with an empty one. */
  readonly whenEmpty?: string
}

export interface GroupSpec extends Said {
  readonly right?: string
  /** Name of its public type; one without is written out where it is used. */
  readonly name?: string
  /** What the whole group is for. */
  readonly summary?: string
  /** It may be `false`; what that means. */
  readonly orFalse?: string
  /** It may be `true` or `false`; what `true` means. `false` is off. */
  readonly orTrue?: string
  /** Left out, it is off. Else its defaults hold. */
  readonly off?: true
}

export interface NumberOption extends NumberSpec {
  readonly kind: 'number'
}
export interface TextOption extends TextSpec {
  readonly kind: 'text'
}
export interface FlagOption extends Said {
  readonly kind: 'flag'
}
export interface ChoiceOption extends Said {
  readonly kind: 'choice'
  readonly words: readonly string[]
}
export interface ExactOption extends Said {
  readonly kind: 'exactly'
  readonly value: string | number | boolean
}
export interface ListOption extends ListSpec {
  readonly kind: 'list'
  readonly of: Option
}
export interface PairOption extends Said {
  readonly kind: 'pair'
  readonly of: Option
}
export interface EitherOption extends Said {
  readonly kind: 'either'
  readonly options: readonly Option[]
  readonly right: string
}
export interface InstanceOption extends Said {
  readonly kind: 'instance'
  readonly right: string
  readonly fits: (value: unknown) => boolean
}
export interface AnyOption extends Said {
  readonly kind: 'any'
}
export interface GroupOption extends GroupSpec {
  readonly kind: 'group'
  readonly shape: Shape
}

export type Option =
  | NumberOption
  | TextOption
  | FlagOption
  | ChoiceOption
  | ExactOption
  | ListOption
  | PairOption
  | EitherOption
  | InstanceOption
  | AnyOption
  | GroupOption

/** Options by name. */
export interface Shape {
  readonly [name: string]: Option
}
