import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deadlineAt, deadlineValue, scoped } from '../../lib/clients/deadline.js'
import { ArgumentError, deadlineFrom } from '../../lib/index.js'

describe('the header of an inbound request', () => {
  test.each([
    [{ 'fairlead-timeout-ms': '250' }, 250],
    [{ 'fairlead-timeout-ms': ' 0 ' }, 0],
    [{ 'grpc-timeout': '2S' }, 2_000],
    [{ 'grpc-timeout': '1H' }, 3_600_000],
    [{ 'grpc-timeout': '3M' }, 180_000],
    [{ 'grpc-timeout': '1500u' }, 1.5],
    [{ 'grpc-timeout': '99999999n' }, 99.999999],
    [{ 'fairlead-timeout-ms': '250', 'grpc-timeout': '100m' }, 100],
    [{ 'fairlead-timeout-ms': '50', 'grpc-timeout': '100m' }, 50],
    [{}, undefined],
    ...['', '-1', '1.5', '1e3', 'soon', '0x10', '9'.repeat(16)].map((value) => [
      { 'fairlead-timeout-ms': value },
      undefined,
    ]),
    ...['', '5', 'm', '123456789m', '5x', '-5m', '5 m'].map((value) => [
      { 'grpc-timeout': value },
      undefined,
    ]),
    [{ 'fairlead-timeout-ms': 'soon', 'grpc-timeout': '100m' }, 100],
    [{ 'fairlead-timeout-ms': ['1', '2'] }, undefined],
  ] as [Record<string, string | string[]>, number | undefined][])('%j is %s', (headers, ms) => {
    expect(deadlineFrom(headers)).toBe(ms)
    const flat = Object.entries(headers).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    )
    if (flat.length === Object.keys(headers).length) expect(deadlineFrom(new Headers(flat))).toBe(ms)
  })

  test('may have another name', () => {
    expect(deadlineFrom({ 'x-budget': '7', 'fairlead-timeout-ms': '9' }, 'X-Budget')).toBe(7)
  })

  test('never throws, and is a time or nothing, whatever it says', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (own, grpc) => {
        const ms = deadlineFrom({ 'fairlead-timeout-ms': own, 'grpc-timeout': grpc })
        return ms === undefined || (ms >= 0 && Number.isFinite(ms))
      }),
    )
  })

  test('is what was sent, rounded down', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 3e9, noNaN: true }),
        fc.constantFrom('fairlead-timeout-ms', 'grpc-timeout'),
        (ms, name) => {
          const back = deadlineFrom({ [name]: deadlineValue(name, ms) }) as number
          return back <= ms && back >= ms - (ms < 1e8 ? 1 : 1_000)
        },
      ),
    )
  })

  test('is 0 where the time is over', () => {
    expect(deadlineValue('fairlead-timeout-ms', -5)).toBe('0')
    expect(deadlineValue('Grpc-Timeout', 1_234.9)).toBe('1234m')
    expect(deadlineValue('grpc-timeout', 2e8)).toBe('200000S')
  })
})

describe('a scope', () => {
  test('counts from when it was given, and the earlier deadline holds', () => {
    const outer = scoped(undefined, { deadlineMs: 100, key: 'a' }, 1_000)
    expect(outer).toEqual({ key: 'a', deadlineAt: 1_100 })
    expect(scoped(outer, { deadlineMs: 500, priority: 0 }, 1_050)).toEqual({
      key: 'a',
      priority: 0,
      deadlineAt: 1_100,
    })
    expect(scoped(outer, { deadlineMs: 10 }, 1_050)).toEqual({ key: 'a', deadlineAt: 1_060 })
    expect(scoped(undefined, { key: 'a' }, 1_000)).toEqual({ key: 'a' })
  })

  test('a call may shorten it, never lengthen it', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), (scopeMs, callMs) => {
        const scope = scoped(undefined, { deadlineMs: scopeMs }, 0)
        return deadlineAt({ ...scope, deadlineMs: callMs }, 0) === Math.min(scopeMs, callMs)
      }),
    )
  })

  test('a time beyond a month is none', () => {
    expect(deadlineAt({ deadlineMs: 2 ** 31 }, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(deadlineAt({ deadlineMs: Number.POSITIVE_INFINITY }, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(deadlineAt(undefined, 0)).toBe(Number.POSITIVE_INFINITY)
  })

  test.each([-1, Number.NaN, '5', null])('refuses %s', (deadlineMs) => {
    expect(() => deadlineAt({ deadlineMs: deadlineMs as number }, 0)).toThrow(ArgumentError)
    expect(() => scoped(undefined, { deadlineMs: deadlineMs as number }, 0)).toThrow(/deadlineMs is/)
  })
})
