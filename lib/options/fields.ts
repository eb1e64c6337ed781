import type * as zod from 'zod/mini'
import type { loadZod } from '../runtime/lazy.js'
import { grouped, quoted, wrong } from './words.js'

/** What the documentation says of an option beside its type and range, which come from the schema itself. */
export interface OptionDoc {
  readonly about: string
  readonly unit?: string
  /** The default as code; left out where the option is required. */
  readonly default?: string
  /** Where the default, or the range, comes from. */
  readonly source?: string
  /** Type and range as the documentation prints them. */
  readonly type?: string
  readonly range?: string
}

export interface NumberSpec extends OptionDoc {
  readonly min: number
  readonly max: number
  /** The minimum itself is not allowed, nor what single precision cannot tell from it: weights are kept as float32. */
  readonly above?: boolean
  readonly integer?: boolean
  /** What would be right, where it is more than a number in this range. */
  readonly right?: string
  /** Multiples of this only. */
  readonly step?: number
  /** Values that the range holds, and that are wrong all the same. */
  readonly accept?: (value: number) => boolean
  /** What to do instead, for values that suggest a misunderstanding. */
  readonly hint?: (value: unknown) => string
}

/** One day: longer than any sensible time-out, and with jitter far below the longest wait of a Node timer. */
export const MAX_MS = 86_400_000
export const MAX_COUNT = 1_000_000
/** RFC 9110: the letters of a method, a header name, a cookie name. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

type Issue = { readonly input?: unknown; readonly code?: string }

/** Separates the known keys in the message of an unknown-key issue, which `check` turns into one fault per key. */
export const KEY_SEPARATOR = '\n'

/** Tolerance of `step`, far above the rounding error of a division and far below a step. */
const STEP_TOLERANCE = 1e-9

/** The kinds of option: schemas whose error messages say what would be right. `docs` collects what is said of each. */
export function fieldKinds(z: ReturnType<typeof loadZod>) {
  const docs = z.registry<OptionDoc>()
  const documented = <S extends zod.ZodMiniType>(schema: S, doc: OptionDoc): zod.ZodMiniOptional<S> => {
    docs.add(schema, doc)
    return z.optional(schema)
  }
  const required = <S extends zod.ZodMiniType>(schema: S, doc: OptionDoc): S => {
    docs.add(schema, doc)
    return schema
  }
  const expected = (right: string) => (issue: Issue) => wrong(right, issue.input)

  const bounded = (spec: NumberSpec) => {
    const range = `${spec.above ? `more than ${grouped(spec.min)}, at most` : `${grouped(spec.min)} to`} ${grouped(spec.max)}`
    const steps = spec.step ? `, in steps of ${spec.step}` : ''
    const kind = spec.integer ? 'a whole number' : 'a number'
    const right = spec.right ?? `${kind}${spec.unit ? ` of ${spec.unit}` : ''}, ${range}${steps}`
    const error = (issue: Issue) => wrong(right, issue.input) + (spec.hint?.(issue.input) ?? '')
    const { step, accept = () => true } = spec
    const checks = [
      spec.above
        ? z.refine<number>((value) => Math.fround(value) > spec.min, { error })
        : z.gte(spec.min, { error }),
      z.lte(spec.max, { error }),
    ]
    const whole = (value: number) =>
      step === undefined || Math.abs(value / step - Math.round(value / step)) < STEP_TOLERANCE
    const schema = spec.integer ? z.int({ error }) : z.number({ error })
    return {
      schema: schema.check(...checks, z.refine(whole, { error }), z.refine(accept, { error, abort: true })),
      range: range + steps,
    }
  }

  return {
    docs,
    documented,
    required,
    number(spec: NumberSpec) {
      const { schema, range } = bounded(spec)
      return documented(schema, { range, ...spec })
    },
    /** A number, not documented by itself: an element of something else. */
    bare: (spec: NumberSpec) => bounded(spec).schema,
    text(
      doc: OptionDoc & { readonly right: string; readonly pattern?: RegExp; readonly maxLength?: number },
    ) {
      const { pattern, maxLength = Number.POSITIVE_INFINITY } = doc
      const fits = (text: string) => text.length <= maxLength && (pattern === undefined || pattern.test(text))
      const error = expected(doc.right)
      return documented(z.string({ error }).check(z.refine(fits, { error })), { range: doc.right, ...doc })
    },
    flag: (doc: OptionDoc) =>
      documented(z.boolean({ error: expected('true or false') }), { range: 'true or false', ...doc }),
    choice: <const Words extends readonly string[]>(words: Words, doc: OptionDoc) =>
      documented(z.enum(words, { error: expected(`one of ${quoted(words)}`) }), {
        range: quoted(words),
        ...doc,
      }),
    list: <Item extends zod.ZodMiniType>(
      item: Item,
      right: string,
      doc: OptionDoc & { readonly nonEmpty?: boolean },
    ) =>
      documented(
        z
          .array(item, { error: expected(right) })
          .check(z.minLength(doc.nonEmpty ? 1 : 0, { error: `is empty; it must be ${right}` })),
        { range: right, ...doc },
      ),
    /** Anything of the copied plain data that is an object with keys; what they hold is checked one by one. */
    record: (right: string, doc: OptionDoc) =>
      documented(z.custom<Record<string, unknown>>(isRecord, { error: expected(right) }), {
        type: 'object',
        range: right,
        ...doc,
      }),
    /** Exactly these keys. */
    object: <Shape extends zod.core.$ZodLooseShape>(shape: Shape, right = 'an object') =>
      z.strictObject(shape, {
        error: (issue) =>
          issue.code === 'unrecognized_keys'
            ? Object.keys(shape).join(KEY_SEPARATOR)
            : wrong(right, issue.input),
      }),
  }
}

export type FieldKinds = ReturnType<typeof fieldKinds>

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
