/**
 * xoshiro128++ 1.0 (Blackman, Vigna: https://prng.di.unimi.it/xoshiro128plusplus.c), 32 bits a call, period 2^128 - 1.
 * The state is four words in shared memory that only one thread writes, so plain loads and stores are enough.
 */
export function nextRandom(words: Int32Array, at: number): number {
  const s0 = words[at]
  const s1 = words[at + 1]
  const s2 = words[at + 2] ^ s0
  const s3 = words[at + 3] ^ s1
  const sum = (s0 + words[at + 3]) | 0
  const result = (((sum << 7) | (sum >>> 25)) + s0) >>> 0
  words[at] = s0 ^ s3
  words[at + 1] = s1 ^ s2
  words[at + 2] = s2 ^ (s1 << 9)
  words[at + 3] = (s3 << 11) | (s3 >>> 21)
  return result
}

/** Fills a generator's state from a seed and a stream number by SplitMix32; never all zero. */
export function seedRandom(words: Int32Array, at: number, seed: number, stream: number): void {
  let state = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) | 0
  for (let i = 0; i < 4; i++) {
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    words[at + i] = z ^ (z >>> 16)
  }
  if ((words[at] | words[at + 1] | words[at + 2] | words[at + 3]) === 0) words[at] = 1
}
