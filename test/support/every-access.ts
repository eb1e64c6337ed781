/**
 * In place of `lib/engine/ordering.ts`, for tests that stop a thread at its operations of `Atomics`: as on processors where
 * ordinary loads and stores are not ordered, each one that counts is such an operation.
 */
export const load = (words: Int32Array, at: number): number => Atomics.load(words, at)

export const addToOwn = (words: Int32Array, at: number, delta: number): void => {
  Atomics.store(words, at, words[at] + delta)
}
