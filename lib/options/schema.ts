/** Schemas of the schema library, made of options when they are first checked. */
import type * as zod from 'zod/mini'
import { loadZod } from '../runtime/lazy.js'
import type { GroupOption, ListOption, NumberOption, Option, TextOption } from './option.js'
import { faultOf } from './right.js'
import { wrong } from './words.js'

type Schema = zod.ZodMiniType
type Issue = { readonly input?: unknown; readonly code?: string }

/** Separates the known keys in the message of an unknown-key issue, which `check` turns into one fault per key. */
export const KEY_SEPARATOR = '\n'

/** Tolerance of `step`, far above the rounding error of a division and far below a step. */
const STEP_TOLERANCE = 1e-9

const made = new WeakMap<Option, Schema>()

/** The schema of what is there; whether anything has to be is for the group that the option is in. */
export function schemaOf(option: Option): Schema {
  let schema = made.get(option)
  if (schema === undefined) made.set(option, (schema = schemaOfKind(option)))
  return schema
}

function schemaOfKind(option: Option): Schema {
  const z = loadZod()
  const error = (issue: Issue) => faultOf(option, issue.input)
  switch (option.kind) {
    case 'number':
      return numberSchema(option, error)
    case 'text':
      return textSchema(option, error)
    case 'flag':
      return z.boolean({ error })
    case 'choice':
      return z.enum(option.words, { error })
    case 'exactly':
      return z.literal(option.value, { error })
    case 'list':
      return listSchema(option, error)
    case 'pair':
      return z.tuple([schemaOf(option.of), schemaOf(option.of)])
    case 'either':
      return z.union(option.options.map(schemaOf), { error })
    case 'instance':
      return z.custom(option.fits, { error })
    case 'any':
      return z.any()
    case 'group':
      return groupSchema(option, error)
  }
}

function numberSchema(option: NumberOption, error: (issue: Issue) => string): Schema {
  const z = loadZod()
  const { min, max, above, integer, step, accept = () => true } = option
  const isWhole = (value: number) =>
    step === undefined || Math.abs(value / step - Math.round(value / step)) < STEP_TOLERANCE
  const schema = integer ? z.int({ error }) : z.number({ error })
  return schema.check(
    above ? z.refine<number>((value) => Math.fround(value) > min, { error }) : z.gte(min, { error }),
    z.lte(max, { error }),
    z.refine(isWhole, { error }),
    z.refine(accept, { error, abort: true }),
  )
}

function textSchema(option: TextOption, error: (issue: Issue) => string): Schema {
  const z = loadZod()
  const { pattern, accept, rightText, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = option
  const fits = (text: string) =>
    text.length >= minLength &&
    text.length <= maxLength &&
    (pattern === undefined || pattern.test(text)) &&
    (accept === undefined || accept(text))
  const inner = rightText === undefined ? error : (issue: Issue) => wrong(rightText, issue.input)
  return z.string({ error }).check(z.refine(fits, { error: inner }))
}

function listSchema(option: ListOption, error: (issue: Issue) => string): Schema {
  const z = loadZod()
  const { nonEmpty, right, whenEmpty = `is empty; it must be ${right}` } = option
  return z.array(schemaOf(option.of), { error }).check(z.minLength(nonEmpty ? 1 : 0, { error: whenEmpty }))
}

function groupSchema(option: GroupOption, error: (issue: Issue) => string): Schema {
  const z = loadZod()
  const keys = Object.keys(option.shape)
  const shape = Object.fromEntries(
    Object.entries(option.shape).map(([key, one]) => [
      key,
      one.required ? schemaOf(one) : z.optional(schemaOf(one)),
    ]),
  )
  const object = z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? keys.join(KEY_SEPARATOR) : error(issue)),
  })
  if (option.orTrue !== undefined) {
    return z.union([z.boolean(), object], {
      error: (issue) => wrong('true, false or an object', issue.input),
    })
  }
  if (option.orFalse === undefined) return object
  return z.union([z.literal(false), object], {
    error: (issue) => wrong('an object or false', issue.input),
  })
}
