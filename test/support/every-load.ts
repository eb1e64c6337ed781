/**
 * In place of `lib/queue/ordering.ts`, for tests that stop a thread at its operations of `Atomics`: each load of another
 * thread's word is one, on every processor.
 */
export const load = (words: Int32Array, at: number): number => Atomics.load(words, at)
