/**
 * Loads and stores of shared words on the paths that every request and every item takes, where their order counts. An
 * operation of `Atomics` costs 9 ns in Node 20, a call that no compiler inlines; an ordinary load or store costs 1 ns.
 *
 * On x86-64 the ordinary ones are ordered enough: a load is performed after all loads before it and after every operation of
 * `Atomics` that writes, stores become visible in their order. There `Atomics.load` is the same instruction, behind a call.
 * Elsewhere it is the operations of `Atomics` that are used. docs/concurrency/ says where, and why that is enough.
 */
const ordinaryIsOrdered = process.arch === 'x64'

/**
 * What it says must be checked, or an operation of `Atomics` lie between it and the last load of the same word: no compiler
 * moves a load across one. A loop that only looks, until another thread has stored something, needs `Atomics.load`.
 */
export function load(words: Int32Array, at: number): number {
  return ordinaryIsOrdered ? words[at] : Atomics.load(words, at)
}

/** Adds to a word that this thread alone writes. Who sees the sum sees what the thread has stored before. */
export function addToOwn(words: Int32Array, at: number, delta: number): void {
  if (ordinaryIsOrdered) words[at] += delta
  else Atomics.store(words, at, words[at] + delta)
}
