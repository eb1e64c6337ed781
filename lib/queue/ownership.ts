/**
 * Records in a queue's memory that belong to one thread at a time: lanes, waiters, the right to repair. An *owner* word
 * holds the thread's number plus one, 0 for nobody, so that a record has a name from the very exchange that takes it.
 *
 * What an ended thread owned is taken over by one living thread, whose name it bears from then on: if that one ends too,
 * the next takes it over. Thread numbers are never used twice, so an exchange cannot mistake one owner for another.
 */
import { threadId } from 'node:worker_threads'
import { endedWith, isGone, writeLineage } from '../runtime/thread-ends.js'

/** This thread, as an owner. */
export const OWNER_SELF = threadId + 1
export const OWNER_NOBODY = 0

/** Takes a record that nobody owns. `lineage`: first of its LINEAGE_WORDS words. */
export function take(words: Int32Array, owner: number, lineage: number): boolean {
  // (Q11) One thread owns it.
  if (Atomics.compareExchange(words, owner, OWNER_NOBODY, OWNER_SELF) !== OWNER_NOBODY) return false
  writeLineage(words, lineage)
  return true
}

/** Takes a record over whose owner has ended. Of several threads that try, one does. */
export function takeOver(words: Int32Array, owner: number, lineage: number): boolean {
  const seen = Atomics.load(words, owner)
  if (!hasEnded(words, seen, lineage)) return false
  // (Q11) Of several that heard of the end, one.
  if (Atomics.compareExchange(words, owner, seen, OWNER_SELF) !== seen) return false
  writeLineage(words, lineage)
  return true
}

/** Gives an own record back. */
export function give(words: Int32Array, owner: number): void {
  Atomics.store(words, owner, OWNER_NOBODY) // (Q11) the next owner sees the plain words
}

function hasEnded(words: Int32Array, owner: number, lineage: number): boolean {
  if (owner === OWNER_NOBODY) return false
  const id = owner - 1
  if (isGone(id)) return true
  // Before the owner has written its own lineage, the one of an owner before it stands there.
  return Atomics.load(words, lineage) === id && endedWith(words, lineage)
}
