/** Arithmetic on unsigned 32-bit numbers: what random bits and hashes have in common. */

export const TWO_TO_32 = 4294967296

/** A position below `n` (n < 2^21) from 32 bits, by multiplication (Lemire 2019, without the rejection: bias below n/2^32). */
export const toBelow = (bits: number, n: number): number => Math.floor((bits * n) / TWO_TO_32)

/** The finaliser of MurmurHash3: every input bit changes every output bit with probability one half. */
export function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** FNV-1a over a text's UTF-16 code units. */
export function fingerprintOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
