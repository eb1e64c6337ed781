/**
 * Types that follow from options: what a configuration may say of them (`ConfigOf`), and what is left when defaults are
 * filled in (`ResolvedOf`).
 */

/** A type in TypeScript, as it is written. */
export type Ts<T> = string & { readonly '~type'?: T }

type Presence = 'required' | 'default' | 'optional'

/** Of an option: the type of its values, and whether there is one. Nothing of it exists at run time. */
export interface Typed<Value, P extends Presence = Presence> {
  readonly '~type'?: readonly [value: Value, presence: P]
}

/** Whether a value is there, by what the option says of itself. */
export type PresenceOf<Spec> = Spec extends { readonly required: true }
  ? 'required'
  : Spec extends { readonly default: unknown }
    ? 'default'
    : 'optional'

/** The type that the option says in words of its own, else `Otherwise`. */
export type Named<Spec, Otherwise> = Spec extends { readonly ts: Ts<infer T> } ? T : Otherwise

interface Group<Shape> {
  readonly kind: 'group'
  readonly shape: Shape
}

type IsRequired<O> = O extends { readonly required: true } ? true : false

type OtherThanGroup<O> = O extends { readonly orTrue: string }
  ? boolean
  : O extends { readonly orFalse: string }
    ? false
    : never

/** What a configuration may say of one option. */
export type ValueOf<O> =
  O extends Group<infer Shape>
    ? ConfigOf<Shape> | OtherThanGroup<O>
    : O extends Typed<infer Value>
      ? Value
      : unknown

/** What a configuration may say of options by name. */
export type ConfigOf<Shape> = Flat<
  {
    -readonly [Key in keyof Shape as IsRequired<Shape[Key]> extends true ? Key : never]: ValueOf<Shape[Key]>
  } & {
    -readonly [Key in keyof Shape as IsRequired<Shape[Key]> extends true ? never : Key]?: ValueOf<Shape[Key]>
  }
>

type ResolvedValue<O> =
  O extends Group<infer Shape>
    ? ResolvedOf<Shape> | (O extends { readonly off: true } ? undefined : never)
    : O extends Typed<infer Value>
      ? Value
      : unknown

type IsOptional<O> =
  O extends Group<unknown>
    ? false
    : O extends Typed<unknown, infer P>
      ? P extends 'optional'
        ? true
        : false
      : true

/** Every default filled in. A group that is off is undefined. */
export type ResolvedOf<Shape> = Flat<
  {
    readonly [Key in keyof Shape as IsOptional<Shape[Key]> extends true ? never : Key]: ResolvedValue<
      Shape[Key]
    >
  } & {
    readonly [Key in keyof Shape as IsOptional<Shape[Key]> extends true ? Key : never]?: ResolvedValue<
      Shape[Key]
    >
  }
>

type Flat<T> = { [Key in keyof T]: T[Key] }
