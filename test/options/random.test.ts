/** Options of load at random: a configuration is refused exactly where something in it is wrong, at its path. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ADMISSION_CONTROL, LIMITS, QUEUE } from '../../lib/admission/options.js'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import { Balancer } from '../../lib/index.js'
import type { GroupOption, NumberOption, Option } from '../../lib/options/option.js'
import { faultsOfConfig } from './config-faults.js'

const GROUPS: Readonly<Record<string, GroupOption>> = {
  limits: LIMITS,
  queue: QUEUE,
  admissionControl: ADMISSION_CONTROL,
}

const garbage = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    '5',
    'codel',
    true,
    false,
    [],
    [5],
    {},
    Number.NaN,
    -1,
    0.5,
    2 ** 53,
    -0,
  ),
  fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_VALUE, Number.MIN_VALUE),
  fc.double(),
  fc.string({ maxLength: 5 }),
)

function rightValue(option: Option): fc.Arbitrary<unknown> {
  switch (option.kind) {
    case 'number': {
      const { min, max, integer } = option
      const inside = integer ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true })
      return fc.oneof(inside, fc.constantFrom(min, max))
    }
    case 'choice':
      return fc.constantFrom(...option.words)
    case 'flag':
      return fc.boolean()
    case 'group': {
      const object = objectOf(option, rightValue)
      return option.orTrue === undefined ? object : fc.oneof(object, fc.boolean())
    }
    default:
      throw new Error(`no values for ${option.kind}`)
  }
}

/** Some of the keys, with values of that kind. */
const objectOf = (
  { shape }: GroupOption,
  arbitraryOf: (option: Option) => fc.Arbitrary<unknown>,
): fc.Arbitrary<object> =>
  fc.record(
    Object.fromEntries(Object.entries<Option>(shape).map(([key, option]) => [key, arbitraryOf(option)])),
    { requiredKeys: [] },
  )

/** Right or wrong, at any depth, and keys that nobody knows. */
const anyValue = (option: Option): fc.Arbitrary<unknown> => {
  if (option.kind !== 'group') return fc.oneof(rightValue(option), garbage)
  const known = objectOf(option, anyValue)
  const unknown = fc.constantFrom('', 'limit', 'maxRequest', '__proto__', 'constructor', 'window')
  const more = fc.tuple(known, unknown, garbage).map(([object, key, value]) => {
    return Object.defineProperty({ ...object }, key, { value, enumerable: true, configurable: true })
  })
  return fc.oneof(
    { weight: 6, arbitrary: known },
    { weight: 1, arbitrary: more },
    { weight: 1, arbitrary: garbage },
  )
}

const isNumber = ({ min, max, integer }: NumberOption, value: unknown): boolean =>
  typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value))

/** Paths of what is wrong, by the descriptors read once more. */
function wrongIn(option: Option, value: unknown, path: string): string[] {
  if (value === undefined) return []
  if (option.kind === 'group') {
    if (typeof value === 'boolean' && option.orTrue !== undefined) return []
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path]
    return Object.keys(value).flatMap((key) => {
      const inner = /^[A-Za-z_]\w*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
      const item = Reflect.get(value, key)
      if (item === undefined) return []
      return Object.hasOwn(option.shape, key) ? wrongIn(option.shape[key], item, inner) : [inner]
    })
  }
  if (option.kind === 'number') return isNumber(option, value) ? [] : [path]
  if (option.kind === 'flag') return typeof value === 'boolean' ? [] : [path]
  return option.kind === 'choice' && option.words.includes(value as string) ? [] : [path]
}

const configOf = (rest: object) => ({ services: { users: { endpoints: ['http://a.test'], ...rest } } })

/** What is given is kept, and what is not is there all the same. */
function expectKept(option: GroupOption, given: unknown, resolved: unknown): void {
  if (option.off === true && (given === undefined || given === false))
    return void expect(resolved).toBeUndefined()
  const values = (typeof given === 'object' ? given : {}) as Record<string, unknown>
  const kept = resolved as Record<string, unknown>
  expect(Object.keys(kept).sort()).toEqual(Object.keys(option.shape).sort())
  for (const [key, inner] of Object.entries<Option>(option.shape)) {
    if (inner.kind === 'group') expectKept(inner, values[key], kept[key])
    else expect(kept[key]).toBe(values[key] ?? inner.default)
  }
}

describe.each(Object.entries(GROUPS))('%s', (name, option) => {
  test('is refused where something is wrong, all of it at once, and nowhere else', () => {
    const path = `services.users.${name}`
    fc.assert(
      fc.property(anyValue(option), (value) => {
        const faults = faultsOfConfig(configOf({ [name]: value }))
        const paths = new Set(faults.map((fault) => fault.slice(0, fault.indexOf(': '))))
        expect([...paths].sort()).toEqual([...new Set(wrongIn(option, value, path))].sort())
      }),
      { numRuns: 500 },
    )
  })

  test('is taken over as it is given, with its defaults', () => {
    fc.assert(
      fc.property(rightValue(option), (value) => {
        const users = parseBalancerConfig(configOf({ [name]: value })).services.get('users')
        expectKept(option, value, Reflect.get(users ?? {}, name))
      }),
    )
  })
})

test('a balancer with any of them serves requests', async () => {
  const service = fc.record(
    Object.fromEntries(Object.entries(GROUPS).map(([name, option]) => [name, rightValue(option)])),
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(service, async (rest) => {
      const balancer = new Balancer(configOf(rest))
      balancer.pick('users').end()
      ;(await balancer.acquire('users', { priority: 3 })).end({ status: 500 })
      expect(balancer.stats().services['users']).toMatchObject({ succeeded: 1, failed: 1, inFlight: 0 })
      await balancer.stop({ drainMs: 0 })
    }),
    { numRuns: 60 },
  )
})
