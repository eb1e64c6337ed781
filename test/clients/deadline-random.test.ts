/** Deadlines under all that headers and scopes may say: nothing throws, and nothing makes a deadline longer than it was said to be. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  deadlineAt,
  deadlineValue,
  MOST_DEADLINE_MS,
  type ScopedOptions,
  scoped,
} from '../../lib/clients/deadline.js'
import { deadlineFrom } from '../../lib/index.js'
import { answering, startEndpoints } from '../support/http-servers.js'
import { manualBalancer } from '../support/manual-balancer.js'

const OWN = 'fairlead-timeout-ms'
const GRPC = 'grpc-timeout'

/** ns of gRPC's units, so that all can be compared without rounding. */
const NS_OF_UNIT: Readonly<Record<string, bigint>> = {
  H: 3_600_000_000_000n,
  M: 60_000_000_000n,
  S: 1_000_000_000n,
  m: 1_000_000n,
  u: 1_000n,
  n: 1n,
}
const NS_OF_MS = 1_000_000n

const digits = (maxLength: number) =>
  fc.array(fc.constantFrom(...'0123456789'), { minLength: 1, maxLength }).map((all) => all.join(''))
const unit = fc.constantFrom(...'HMSmun')
const space = fc.constantFrom('', ' ', '\t', '  ')

/** What senders write who mean well, with what they say in ns. */
const rightOwn = fc.tuple(space, digits(15), space).map(([before, ms, after]) => {
  return { text: before + ms + after, ns: BigInt(ms) * NS_OF_MS }
})
const rightGrpc = fc.tuple(digits(8), unit).map(([amount, of]) => {
  return { text: amount + of, ns: BigInt(amount) * NS_OF_UNIT[of] }
})

/** What looks like a time, and is none; and what does not even look like one. */
const wrong = fc.oneof(
  fc
    .tuple(fc.constantFrom('1', '9'), digits(30), unit)
    .map(([first, rest, of]) => `${first}${rest.padStart(8, '0')}${of}`),
  fc.tuple(fc.constantFrom('-', '+', '0x', '1e', '.', '٣', '１'), digits(12)).map((all) => all.join('')),
  fc
    .tuple(digits(4), fc.constantFrom('e3', 'E9', '.5', ',5', 'n', ' 5', ', 5', '_0', '٣', '\0'))
    .map((all) => all.join('')),
  fc.tuple(digits(4), fc.constantFrom(...'hsMUNdwxµ')).map((all) => all.join('')),
  fc.constantFrom('', ' ', 'Infinity', 'NaN', 'null', 'soon', 'm', '١٢', '9'.repeat(16), '9'.repeat(100_000)),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
/** Values that Node's `http` never has, but that callers in plain JavaScript may hand on. */
const odd = fc.oneof(
  fc.array(digits(3), { maxLength: 3 }),
  fc.anything(),
  fc.constantFrom(5, -5, Number.NaN, null, true, 5n, Symbol('5'), () => '5', ['5'], Object.create(null)),
)
const value = fc.oneof(
  rightOwn.map(({ text }) => text),
  rightGrpc.map(({ text }) => text),
  wrong,
  odd,
)

describe('whatever the headers say', () => {
  test('nothing throws, and the answer is a time or nothing', () => {
    fc.assert(
      fc.property(
        value,
        value,
        fc.constantFrom(OWN, 'X-Budget', '__proto__', 'toString', ''),
        (own, grpc, name) => {
          const ms = deadlineFrom({ [name.toLowerCase()]: own, [OWN]: own, [GRPC]: grpc } as never, name)
          return ms === undefined || (Number.isFinite(ms) && ms >= 0)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('in the right form it is what they say, and of both the shorter', () => {
    fc.assert(
      fc.property(fc.option(rightOwn), fc.option(rightGrpc), (own, grpc) => {
        const headers = { ...(own && { [OWN]: own.text }), ...(grpc && { [GRPC]: grpc.text }) }
        const said = [own?.ns, grpc?.ns].filter((ns) => ns !== undefined)
        const least = said.reduce((least, ns) => (ns < least ? ns : least), said[0])
        const ms = deadlineFrom(headers)
        if (least === undefined) expect(ms).toBeUndefined()
        else {
          const exact = Number(least / NS_OF_MS) + Number(least % NS_OF_MS) / Number(NS_OF_MS)
          expect(Math.abs((ms as number) - exact)).toBeLessThanOrEqual(exact * Number.EPSILON)
        }
        expect(deadlineFrom(new Headers(headers))).toBe(ms)
      }),
    )
  })

  test('in a wrong form it says nothing, and does not take away what the other one says', () => {
    // Some of the random texts are right.
    const isRight = (text: string) => /^\d{1,15}$/.test(text.trim()) || /^\d{1,8}[HMSmun]$/.test(text.trim())
    const never = wrong.filter((text) => !isRight(text))
    fc.assert(
      fc.property(never, rightOwn, rightGrpc, (text, own, grpc) => {
        expect(deadlineFrom({ [OWN]: text, [GRPC]: text })).toBeUndefined()
        expect(deadlineFrom({ [OWN]: text, [GRPC]: grpc.text })).toBe(deadlineFrom({ [GRPC]: grpc.text }))
        expect(deadlineFrom({ [OWN]: own.text, [GRPC]: text })).toBe(deadlineFrom({ [OWN]: own.text }))
      }),
      { numRuns: 1_000 },
    )
  })

  test('what is no text says nothing', () => {
    fc.assert(
      fc.property(
        odd.filter((one) => typeof one !== 'string'),
        (one) => deadlineFrom({ [OWN]: one, [GRPC]: one } as never) === undefined,
      ),
    )
  })

  test('two fields of one name say nothing: which one holds is not known', () => {
    fc.assert(
      fc.property(digits(6), digits(6), (one, other) => {
        const headers = new Headers()
        headers.append(OWN, one)
        headers.append(OWN, other)
        expect(deadlineFrom(headers)).toBeUndefined()
        expect(deadlineFrom({ [OWN]: `${one}, ${other}` })).toBeUndefined()
        expect(deadlineFrom({ [OWN]: [one, other] })).toBeUndefined()
      }),
    )
  })
})

const left = fc.oneof(
  fc.double({ min: -1e6, max: MOST_DEADLINE_MS, noNaN: true }),
  fc.integer({ min: -1, max: 10 }),
  fc.constantFrom(0, -0, 0.999, 1, 99_999_999, 99_999_999.9, 1e8, 1e8 + 999, MOST_DEADLINE_MS),
)
const header = fc.constantFrom(OWN, GRPC, 'Grpc-Timeout', 'X-Budget')

describe('what is sent on', () => {
  test('has the form that receivers know, and is never more than what is left', () => {
    fc.assert(
      fc.property(left, header, (ms, name) => {
        const text = deadlineValue(name, ms)
        expect(text).toMatch(name.toLowerCase() === GRPC ? /^\d{1,8}[mS]$/ : /^\d{1,10}$/)
        const back = deadlineFrom({ [name.toLowerCase()]: text }, name) as number
        expect(back).toBeLessThanOrEqual(Math.max(0, ms))
        expect(ms - back).toBeLessThan(name.toLowerCase() === GRPC && ms >= 1e8 ? 1_000 : 1)
      }),
      { numRuns: 1_000 },
    )
  })

  test('from hop to hop it only becomes shorter, by at least what went by', () => {
    const hops = fc.array(fc.tuple(header, fc.nat(500)), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MOST_DEADLINE_MS }), hops, (first, all) => {
        let now = 1_000
        const end = now + first
        let scope = scoped(undefined, { deadlineMs: first }, now)
        for (const [name, tookMs] of all) {
          now += tookMs
          const text = deadlineValue(name, deadlineAt(scope, now) - now)
          const deadlineMs = deadlineFrom({ [name.toLowerCase()]: text }, name) as number
          scope = scoped(undefined, { deadlineMs }, now)
          expect(deadlineAt(scope, now)).toBeLessThanOrEqual(Math.max(end, now))
        }
      }),
    )
  })
})

const given = fc.oneof(
  fc.nat(5_000),
  fc.double({ min: 0, max: 5_000, noNaN: true }),
  // None, each of them.
  fc.constantFrom(undefined, Number.POSITIVE_INFINITY, MOST_DEADLINE_MS + 1),
)

/** As options: a deadline that is none may be left out, or be there and be undefined. */
const optionsOf = (deadlineMs: number | undefined): ScopedOptions =>
  (deadlineMs === undefined ? { key: 'k' } : { deadlineMs }) as ScopedOptions

describe('scopes in scopes', () => {
  test('each has the earliest of all deadlines around it, whatever time goes by in between', () => {
    const scopes = fc.array(fc.tuple(given, fc.nat(2_000), fc.boolean()), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(scopes, given, (all, own) => {
        let now = 10_000
        let scope: ScopedOptions | undefined
        let earliest = Number.POSITIVE_INFINITY
        for (const [deadlineMs, tookMs, isSaid] of all) {
          now += tookMs
          const options = isSaid ? ({ deadlineMs } as ScopedOptions) : optionsOf(deadlineMs)
          if (deadlineMs !== undefined && deadlineMs <= MOST_DEADLINE_MS)
            earliest = Math.min(earliest, now + deadlineMs)
          scope = scoped(scope, options, now)
          expect(deadlineAt(scope, now)).toBe(earliest)
          // A moment of the clock from now on: it does not begin anew where it is read later.
          expect(deadlineAt(scope, now + 1_000)).toBe(earliest)
        }
        // A request of the innermost one, with a deadline of its own.
        const ownAt = own === undefined || own > MOST_DEADLINE_MS ? Number.POSITIVE_INFINITY : now + own
        expect(deadlineAt({ ...scope, deadlineMs: own } as ScopedOptions, now)).toBe(
          Math.min(earliest, ownAt),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('so have the requests made inside, over `await`, with one of their own', async () => {
    const [a] = await startEndpoints(1)
    const seen: (number | undefined)[] = []
    a.handle = (request, response) => {
      seen.push(deadlineFrom(request.headers))
      answering('a')(request, response)
    }
    // The balancer's clock stands still, so what is left is what was given.
    const { balancer } = manualBalancer([a])
    const long = fc.oneof(fc.integer({ min: 60_000, max: 90_000 }), fc.constant(undefined))
    await fc.assert(
      fc.asyncProperty(long, long, long, async (outer, inner, own) => {
        seen.length = 0
        await balancer.with(optionsOf(outer), async () => {
          await Promise.resolve()
          await balancer.with(optionsOf(inner), async () => {
            const balance = own === undefined ? {} : { deadlineMs: own }
            await (await balancer.fetch('http://users/', { balance })).text()
          })
          // Outside of the inner one again.
          await (await balancer.fetch('http://users/')).text()
        })
        const least = (...all: (number | undefined)[]) => {
          const ms = Math.min(...all.map((one) => one ?? Number.POSITIVE_INFINITY))
          return ms === Number.POSITIVE_INFINITY ? undefined : ms
        }
        expect(seen).toEqual([least(outer, inner, own), outer])
      }),
      { numRuns: 40 },
    )
  })
})
