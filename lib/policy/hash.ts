import { ArgumentError } from '../errors.js'
import { mix } from '../runtime/bits.js'

/** 2^32 / golden ratio, odd: multiples of it are spread evenly. */
export const GOLDEN = 0x9e3779b9

/**
 * 32-bit hash of a text: MurmurHash3 (x86, 32 bits) over its UTF-16 code units, two to a block. Not for secrets: whoever
 * chooses keys can choose collisions.
 */
export function hashText(text: string, seed = 0): number {
  const { length } = text
  const pairs = length & ~1
  let hash = seed | 0
  for (let i = 0; i < pairs; i += 2) {
    hash ^= scramble(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  if (pairs !== length) hash ^= scramble(text.charCodeAt(pairs))
  return mix(hash ^ (2 * length))
}

const scramble = (block: number): number => {
  const product = Math.imul(block, 0xcc9e2d51)
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593)
}

/** The hash that takes the place of `hash` at the `attempt`th try, 1 and up. */
export const rehash = (hash: number, attempt: number): number => mix(hash + Math.imul(attempt, GOLDEN))

/**
 * The text a request is hashed by. An empty one is none: it would send everyone without one to one endpoint. A number,
 * say, has no characters to hash: every one of them would go to the same endpoint.
 */
export function textOf(name: 'key' | 'clientIp', value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  const what = Object(value) === value ? 'an object' : `${String(value)}, a ${typeof value}`
  throw new ArgumentError(`${name} of the request is ${what}; it takes a string`)
}
