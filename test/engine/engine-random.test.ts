import { describe, expect, test } from 'vitest'
import { nextRandom, seedRandom } from '../../lib/engine/atomics/random.js'
import { toBelow } from '../../lib/runtime/bits.js'

const generator = (...state: number[]) => {
  const words = Int32Array.from(state)
  return () => nextRandom(words, 0)
}
const take = (count: number, next: () => number) => Array.from({ length: count }, () => next())

describe('xoshiro128++', () => {
  // Published with rand_xoshiro 0.6 (rust-random), made there with the authors' reference implementation.
  test('gives the published numbers for the state 1, 2, 3, 4', () => {
    expect(take(10, generator(1, 2, 3, 4))).toEqual([
      641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011,
      621204420,
    ])
  })

  // From PHP's tests of user-defined random engines: the 102,401st number, whose bytes are fa 3c 87 2c.
  test('is still right after a hundred thousand numbers', () => {
    const next = generator(1, 2, 3, 4)
    for (let i = 0; i < 102_400; i++) next()
    expect(next()).toBe(0x2c873cfa)
  })

  test('agrees with its definition in unbounded integers, high bits and carries included', () => {
    const state = [0xffffffffn, 0x80000000n, 0xdeadbeefn, 0x12345678n]
    const next = generator(...state.map(Number))
    const low = (x: bigint) => BigInt.asUintN(32, x)
    const rotl = (x: bigint, k: bigint) => low(x << k) | (x >> (32n - k))
    for (let i = 0; i < 5_000; i++) {
      const [s0, s1, s2, s3] = state
      expect(next()).toBe(Number(low(rotl(low(s0 + s3), 7n) + s0)))
      const [t2, t3] = [s2 ^ s0, s3 ^ s1]
      state[0] = s0 ^ t3
      state[1] = s1 ^ t2
      state[2] = t2 ^ low(s1 << 9n)
      state[3] = rotl(t3, 11n)
    }
  })
})

describe('seeding', () => {
  test('seed and stream both matter, and the state is never all zero', () => {
    const states = new Set<string>()
    for (let seed = 0; seed < 64; seed++) {
      for (let stream = 0; stream < 64; stream++) {
        const words = new Int32Array(4)
        seedRandom(words, 0, seed, stream)
        expect(words.some((word) => word !== 0)).toBe(true)
        states.add(words.join())
      }
    }
    expect(states.size).toBe(64 * 64)
  })

  test('writes its four words and no other', () => {
    const words = new Int32Array(8).fill(7)
    seedRandom(words, 2, 1, 0)
    expect([words[0], words[1], words[6], words[7]]).toEqual([7, 7, 7, 7])
  })
})

test('toBelow spreads 32 bits evenly over the positions, its ends included', () => {
  expect([toBelow(0, 10), toBelow(0xffffffff, 10), toBelow(0xffffffff, 2 ** 21 - 1)]).toEqual([
    0,
    9,
    2 ** 21 - 2,
  ])
  const edge = Math.ceil(4294967296 / 3)
  expect([toBelow(edge - 1, 3), toBelow(edge, 3)]).toEqual([0, 1])
})
