/** The kinds of option there are. Each function makes a descriptor of what is said of the option; the schema library is not needed. */
import type {
  AnyOption,
  ChoiceOption,
  EitherOption,
  ExactOption,
  FlagOption,
  GroupOption,
  GroupSpec,
  InstanceOption,
  ListOption,
  ListSpec,
  NumberOption,
  NumberSpec,
  Option,
  PairOption,
  Said,
  Shape,
  TextOption,
  TextSpec,
} from './option.js'
import type { Named, PresenceOf, Ts, Typed, ValueOf } from './types.js'

/** A descriptor of this kind: what is said of it, and the type of its values. Both follow from the arguments, never from where it stands. */
type Made<Kind extends Option, Spec, Value> = Kind &
  NoInfer<Spec> &
  Typed<Named<Spec, Value>, PresenceOf<Spec>>

/** Says that the type is `T`, which is written like this. */
export const ts = <T>(text: string): Ts<T> => text as Ts<T>

export const number = <const S extends NumberSpec>(spec: S): Made<NumberOption, S, number> =>
  ({ kind: 'number', ...spec }) as Made<NumberOption, S, number>

export const text = <const S extends TextSpec>(spec: S): Made<TextOption, S, string> =>
  ({ kind: 'text', ...spec }) as Made<TextOption, S, string>

export const flag = <const S extends Said = Said>(spec?: S): Made<FlagOption, S, boolean> =>
  ({ kind: 'flag', ...spec }) as Made<FlagOption, S, boolean>

/** One of some words. */
export const choice = <const Words extends readonly string[], const S extends Said = Said>(
  words: Words,
  spec?: S,
) => ({ kind: 'choice', words, ...spec }) as unknown as Made<ChoiceOption, S, Words[number]>

/** This very value. */
export const exactly = <const V extends string | number | boolean, const S extends Said = Said>(
  value: V,
  spec?: S,
) => ({ kind: 'exactly', value, ...spec }) as Made<ExactOption, S, V>

export const list = <const O extends Option, const S extends ListSpec>(of: O, spec: S) =>
  ({ kind: 'list', of, ...spec }) as Made<ListOption, S, readonly ValueOf<O>[]>

/** Two of a kind. */
export const pair = <const O extends Option>(of: O) =>
  ({ kind: 'pair', of }) as PairOption & Typed<readonly [ValueOf<O>, ValueOf<O>], 'optional'>

/** One of several kinds. */
export const either = <const O extends readonly Option[], const S extends Said & { readonly right: string }>(
  options: O,
  spec: S,
) => ({ kind: 'either', options, ...spec }) as Made<EitherOption, S, ValueOf<O[number]>>

/** What a function says that it is. */
export const instance = <const S extends Said = Said>(
  fits: (value: unknown) => boolean,
  right: string,
  spec?: S,
) => ({ kind: 'instance', fits, right, ...spec }) as Made<InstanceOption, S, unknown>

/** Anything of the copied plain data that is an object with keys; what they hold is checked one by one. */
export const record = <const S extends Said>(right: string, spec: S) =>
  ({ kind: 'instance', fits: isRecord, right, type: 'object', ...spec }) as Made<InstanceOption, S, unknown>

/** Whatever it is: it is checked elsewhere. */
export const anything = <const S extends Said = Said>(spec?: S): Made<AnyOption, S, unknown> =>
  ({ kind: 'any', ...spec }) as Made<AnyOption, S, unknown>

/** Exactly these keys. */
export const group = <const G extends Shape, const S extends GroupSpec = GroupSpec>(shape: G, spec?: S) =>
  ({ kind: 'group', shape, ...spec }) as Omit<GroupOption, 'shape'> &
    NoInfer<S> & { readonly shape: NoInfer<G> }

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
