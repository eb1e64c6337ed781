/**
 * Loads of shared words on the paths that every item takes. An `Atomics.load` costs 9 ns in Node 20, a call that no compiler
 * inlines; an ordinary load costs 1 ns, and on x86-64 it is the very instruction that the call ends in: there a load is
 * ordered behind all loads before it, and behind every operation of `Atomics` that writes. Elsewhere it is the call.
 *
 * For words that are read right after another operation of `Atomics`, which no compiler moves a load across. A loop that
 * only looks, until another thread has stored something, needs `Atomics.load`.
 */
const ordinaryLoadsAreOrdered = process.arch === 'x64'

export function load(words: Int32Array, at: number): number {
  return ordinaryLoadsAreOrdered ? words[at] : Atomics.load(words, at)
}
