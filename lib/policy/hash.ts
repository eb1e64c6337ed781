/**
 * 32-bit hash of a text: FNV-1a over its UTF-16 units, then the finaliser of MurmurHash3, which spreads what FNV leaves
 * in the low bits. Not for secrets: whoever chooses keys can choose collisions.
 */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** The finaliser of MurmurHash3: every input bit changes every output bit with probability one half. */
export function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
