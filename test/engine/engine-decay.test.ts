import { expect, test } from 'vitest'
import { expNegative } from '../../lib/engine/atomics/decay.js'

test('e^-x to 1e-8 of its value, from 0 to where it ends', () => {
  let worst = 0
  for (let i = 0; i < 600_000; i++) {
    const x = i / 10_000
    worst = Math.max(worst, Math.abs(expNegative(x) / Math.exp(-x) - 1))
  }
  expect(worst).toBeLessThan(1e-8)
  expect(worst).toBeGreaterThan(0)
})

test('exactly 1 at 0, and nowhere rises by more than its error', () => {
  expect(expNegative(0)).toBe(1)
  let rise = 0
  for (let i = 1; i < 1_000_000; i++) rise = Math.max(rise, expNegative(i / 1e5) / expNegative((i - 1) / 1e5))
  expect(rise).toBeLessThan(1 + 2e-8)
})

test.each([60, 1e300, Number.POSITIVE_INFINITY, Number.NaN, -1e-9, Number.NEGATIVE_INFINITY])(
  '0 for %d',
  (x) => {
    expect(expNegative(x)).toBe(0)
  },
)

// test/native/core_test.cpp demands the same number of the C++ side: both engines agree to the last bit.
test('the bits of 200,000 results, as the C++ core has them', () => {
  const bits = new BigUint64Array(1)
  const value = new Float64Array(bits.buffer)
  let hash = 0xcbf29ce484222325n // FNV-1a, 64 bits
  for (let i = 0; i < 200_000; i++) {
    value[0] = expNegative(i * i * 1.6e-9)
    hash = BigInt.asUintN(64, (hash ^ bits[0]) * 0x100000001b3n)
  }
  expect(hash.toString(16)).toBe('ad2bd4f7712fb1f2')
})
