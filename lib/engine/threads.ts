/** The thread records of a balancer's block: who works on it, and who has ended. */
import { threadId } from 'node:worker_threads'
import { clearLineage, endedWith, isGone, writeLineage } from '../runtime/thread-ends.js'
import { seedRandom } from './atomics/random.js'
import { HEADER, THREAD, THREAD_INDEX_BITS, threadWord } from './layout.js'

/** A token has eight bits for the record's index plus one. */
export const MOST_THREADS = (1 << THREAD_INDEX_BITS) - 1

/**
 * Claims a free record for this thread and returns its index; -1 where there is none. The record names its thread
 * before anything else, so that a thread which ends at any later point is known by it. (T1, T2)
 */
export function claimThread(root: Int32Array): number {
  const most = threadRecords(root)
  for (let thread = 0; thread < most; thread++) {
    const at = threadWord(thread)
    // First, so that a record which somebody holds is never out of sight.
    raise(root, HEADER.THREADS_USED, thread + 1)
    if (Atomics.compareExchange(root, at + THREAD.HOLDER, 0, threadId + 1) !== 0) continue
    writeLineage(root, at + THREAD.LINEAGE)
    seedRandom(root, at + THREAD.RANDOM, root[HEADER.SEED], thread)
    // In this order: who does not find this thread among the living finds the other number, before it has done anything.
    Atomics.add(root, at + THREAD.EPOCH, 1)
    Atomics.add(root, HEADER.THREAD_CLAIMS, 1)
    return thread
  }
  return -1
}

/**
 * Makes a record free. Its contributions are zero, and whoever calls this is its own thread, or its only cleaner, which
 * gives its token. That stays on the record until the holder's name is gone: else another cleaner would take it that
 * has just heard of the same end, and clean up after the next holder, who lives. (T6)
 */
export function freeThread(root: Int32Array, thread: number, cleaner = 0): void {
  const at = threadWord(thread)
  if (isClaimed(root, thread)) Atomics.add(root, at + THREAD.EPOCH, 1)
  Atomics.store(root, at + THREAD.CONFIG_SEEN, 0)
  clearLineage(root, at + THREAD.LINEAGE)
  Atomics.store(root, at + THREAD.HOLDER, 0)
  if (cleaner !== 0) Atomics.compareExchange(root, at + THREAD.CLEANER, cleaner, 0)
}

const isClaimed = (root: Int32Array, thread: number): boolean =>
  (Atomics.load(root, threadWord(thread) + THREAD.EPOCH) & 1) === 1

/** What names one use of a record: never 0, another one at the next claim. */
export const threadToken = (root: Int32Array, thread: number): number =>
  (Atomics.load(root, threadWord(thread) + THREAD.EPOCH) << THREAD_INDEX_BITS) | (thread + 1)

/** False also for the token of a use that is over. */
export function isLivingToken(root: Int32Array, token: number): boolean {
  const thread = (token & MOST_THREADS) - 1
  // A token comes from shared memory: there may be no such record.
  return (
    thread >= 0 &&
    thread < threadRecords(root) &&
    isLiving(root, thread) &&
    threadToken(root, thread) === token
  )
}

/** The record is in use, and its thread is not known to have ended. */
export const isLiving = (root: Int32Array, thread: number): boolean =>
  isClaimed(root, thread) && !hasEnded(root, thread)

/** ENDED bears the holder's name, so that one who notes an end too late notes nothing about the next holder. */
function hasEnded(root: Int32Array, thread: number): boolean {
  const at = threadWord(thread)
  const holder = Atomics.load(root, at + THREAD.HOLDER)
  return holder !== 0 && Atomics.load(root, at + THREAD.ENDED) === holder
}

/** Thread records of a root segment: by its size, which does not change, rather than by a word that may. */
export const threadRecords = (root: Int32Array): number =>
  Math.floor((root.length - HEADER.WORDS) / THREAD.WORDS)

const threadsUsed = (root: Int32Array): number =>
  Math.min(Atomics.load(root, HEADER.THREADS_USED) >>> 0, threadRecords(root))

/** Indexes of all living records. (T3) */
export function livingThreads(root: Int32Array): number[] {
  const used = threadsUsed(root)
  const living: number[] = []
  for (let thread = 0; thread < used; thread++) if (isLiving(root, thread)) living.push(thread)
  return living
}

/**
 * Notes that a thread of the process has ended, and returns the records of ended threads that this thread is now alone
 * to clean: its own finds, and those whose cleaner has ended before it was done. `own` is this thread's record. (T4)
 */
export function takeEndedRecords(root: Int32Array, own: number, endedId: number): number[] {
  const used = threadsUsed(root)
  for (let thread = 0; thread < used; thread++) {
    const at = threadWord(thread)
    const held = Atomics.load(root, at + THREAD.HOLDER)
    if (thread === own || held === 0) continue
    // The holder's own number as well: it may have ended before it wrote its lineage.
    if (held === endedId + 1 || isGone(held - 1) || endedWith(root, at + THREAD.LINEAGE, endedId))
      Atomics.store(root, at + THREAD.ENDED, held)
  }
  const token = threadToken(root, own)
  const taken: number[] = []
  for (let thread = 0; thread < used; thread++) {
    const at = threadWord(thread)
    if (!hasEnded(root, thread)) continue
    const cleaner = Atomics.load(root, at + THREAD.CLEANER)
    if (cleaner !== 0 && isLivingToken(root, cleaner)) continue
    if (Atomics.compareExchange(root, at + THREAD.CLEANER, cleaner, token) !== cleaner) continue
    // Another cleaner may have been done in between, and a new thread have the record.
    if (hasEnded(root, thread)) taken.push(thread)
    else Atomics.compareExchange(root, at + THREAD.CLEANER, token, 0)
  }
  return taken
}

function raise(root: Int32Array, word: number, value: number): void {
  for (;;) {
    const seen = Atomics.load(root, word)
    if (seen >= value || Atomics.compareExchange(root, word, seen, value) === seen) return
  }
}
