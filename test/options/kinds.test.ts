/** What follows from an option's descriptor: defaults, types, and the check. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { Faults } from '../../lib/options/faults.js'
import { choice, group, list, number, text, ts } from '../../lib/options/kinds.js'
import type { GroupOption, Option } from '../../lib/options/option.js'
import { withDefaults } from '../../lib/options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../../lib/options/types.js'
import { validate } from '../../lib/options/validate.js'
import { faultsOf } from './config-faults.js'
import { TABLES } from './tables.js'

const WAIT = number({ min: 1, max: 9, unit: 'ms', default: 5 })
const SHAPE = {
  id: text({ right: 'a name', required: true }),
  mode: choice(['a', 'b'], { default: 'a' }),
  codes: list(number({ integer: true, min: 1, max: 5 }), { right: 'an array of codes', default: [1] }),
  note: text({ right: 'a note', ts: ts<'x' | 'y'>("'x' | 'y'") }),
  always: group({ wait: WAIT }),
  sometimes: group({ wait: WAIT, deep: group({ wait: WAIT }) }, { off: true }),
  never: group({ wait: WAIT }, { orFalse: 'nothing' }),
  switched: group({ wait: WAIT }, { orTrue: 'with its defaults', off: true }),
} as const

describe('defaults', () => {
  test.each([
    [true, { wait: 5 }],
    [{}, { wait: 5 }],
    [{ wait: 1 }, { wait: 1 }],
    [false, undefined],
  ])('a group that is switched by %j is %j', (switched, resolved) => {
    expect(withDefaults(SHAPE, { id: 'a', switched }).switched).toEqual(resolved)
  })

  test('stand where nothing is given, in groups too; a group that is off is undefined, an option without a default is not there', () => {
    expect(withDefaults(SHAPE, { id: 'a' })).toStrictEqual({
      id: 'a',
      mode: 'a',
      codes: [1],
      always: { wait: 5 },
      sometimes: undefined,
      never: { wait: 5 },
      switched: undefined,
    })
  })

  test('give way to what is given, at any depth, and what is given is not changed', () => {
    const given = Object.freeze({
      id: 'a',
      mode: 'b',
      codes: Object.freeze([]),
      note: 'x',
      sometimes: Object.freeze({ deep: Object.freeze({ wait: 0 }) }),
    } as const)
    expect(withDefaults(SHAPE, given)).toStrictEqual({
      ...given,
      always: { wait: 5 },
      sometimes: { wait: 5, deep: { wait: 0 } },
      never: { wait: 5 },
      switched: undefined,
    })
  })
})

test('types follow from the descriptors', () => {
  interface Config {
    id: string
    mode?: 'a' | 'b'
    codes?: readonly number[]
    note?: 'x' | 'y'
    always?: { wait?: number }
    sometimes?: { wait?: number; deep?: { wait?: number } }
    never?: { wait?: number } | false
    switched?: { wait?: number } | boolean
  }
  interface Resolved {
    readonly id: string
    readonly mode: 'a' | 'b'
    readonly codes: readonly number[]
    readonly note?: 'x' | 'y'
    readonly always: { readonly wait: number }
    readonly sometimes: { readonly wait: number; readonly deep: { readonly wait: number } } | undefined
    readonly never: { readonly wait: number }
    readonly switched: { readonly wait: number } | undefined
  }
  expectTypeOf<ConfigOf<typeof SHAPE>>().toEqualTypeOf<Config>()
  expectTypeOf<ResolvedOf<typeof SHAPE>>().toEqualTypeOf<Resolved>()
})

test('the check says what would be right, with the unit and the range of the descriptor, of all faults at once', () => {
  const faults = new Faults()
  const wrong = { codes: [6], sometimes: { wait: 10, waits: 1 }, never: true, switched: 'on' }
  expect(validate(group(SHAPE), wrong, 'here', faults)).toBe(undefined)
  expect(() => faults.throwIfAny()).toThrow(
    expect.objectContaining({
      faults: [
        { path: 'here.id', message: 'is missing; it must be a name' },
        { path: 'here.codes[0]', message: 'must be a whole number, 1 to 5, not 6' },
        { path: 'here.sometimes.wait', message: 'must be a number of ms, 1 to 9, not 10' },
        { path: 'here.sometimes.waits', message: 'unknown key `waits`; did you mean `wait`?' },
        { path: 'here.never', message: 'must be an object or false, not true' },
        { path: 'here.switched', message: 'must be true, false or an object, not "on"' },
      ],
    }),
  )
})

test('a group that `true` switches on takes true, false and an object, whose faults are told inside', () => {
  const switched = (value: unknown) => {
    const faults = new Faults()
    const taken = validate(SHAPE.switched, value, 'here', faults)
    return faults.count === 0 ? taken : faultsOf(() => faults.throwIfAny())
  }
  for (const value of [true, false, {}, { wait: 1 }]) expect(switched(value)).toEqual(value)
  expect(switched({ wait: 0 })).toEqual(['here.wait: must be a number of ms, 1 to 9, not 0'])
})

/** Values that only stand for "none", which a configuration says by leaving the option out. */
const NONE = ['policy maglev.tableSize', 'policy prequal.probePath']

function defaultsIn({ shape }: GroupOption, prefix: string): [path: string, option: Option][] {
  return Object.entries<Option>(shape).flatMap(([key, option]): [string, Option][] => {
    const path = `${prefix}.${key}`
    if (option.kind === 'group') return defaultsIn(option, path)
    return option.default === undefined || NONE.includes(path) ? [] : [[path, option]]
  })
}

test.each(Object.entries(TABLES).flatMap(([name, options]) => defaultsIn(options, name)))(
  'the default of %s is one that a configuration may give',
  (path, option) => {
    const faults = new Faults()
    validate(option, option.default, path, faults)
    expect(() => faults.throwIfAny()).not.toThrow()
  },
)
