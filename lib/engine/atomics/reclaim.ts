import type { Segment } from '../contract.js'
import { CONTRIBUTION, HEADER, MARK_BUSY, SEGMENT_SLOTS, SLOT } from '../layout.js'
import { livingThreads } from '../threads.js'

/** Tries to settle one count before it is put off. */
const ATTEMPTS = 64

/** Shared counts, and the records of what each thread contributes to them. */
export interface Counts {
  readonly counts: Int32Array
  /** Word of each count, and which field of the records adds up to it. */
  readonly words: readonly { readonly at: number; readonly field: number }[]
  readonly records: Int32Array
  /** The field of the records that says whether its thread is at work. */
  readonly mark: number
  /** First word of a thread's record. */
  readonly recordOf: (thread: number) => number
}

/**
 * Makes shared counts what the living threads contribute to them, and clears the record of a thread that has ended. A
 * count and the records are several words, and a thread that was stopped between two of them has left one more in its
 * record than in the count, or has not. So this looks at a moment at which no living thread is between its two: none is
 * marked busy, and none begins anything while the words are read. What the count then has above their sum is what ended
 * threads left. False where there was no such moment. It may be repeated, also by another thread: what is settled stays
 * so. (R1 to R4)
 */
export function settle(root: Int32Array, counts: Counts, ended: number): boolean {
  const own = counts.recordOf(ended)
  if (
    counts.words.every(({ field }) => counts.records[own + field] === 0) &&
    (counts.records[own + counts.mark] & MARK_BUSY) === 0
  )
    return true
  for (const { at, field } of counts.words) if (!settleWord(root, counts, at, field)) return false
  for (const { field } of counts.words) Atomics.store(counts.records, own + field, 0)
  Atomics.store(counts.records, own + counts.mark, 0)
  return true
}

function settleWord(root: Int32Array, counts: Counts, at: number, field: number): boolean {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) if (rebuild(root, counts, at, field)) return true
  return false
}

function rebuild(
  root: Int32Array,
  { counts, records, recordOf, mark: markField }: Counts,
  at: number,
  field: number,
): boolean {
  // (R1) Has a thread begun since the living were counted?
  const claims = Atomics.load(root, HEADER.THREAD_CLAIMS)
  const living = livingThreads(root).map(recordOf)
  // (R2) Is a living thread between its two words?
  const marks = living.map((record) => Atomics.load(records, record + markField))
  if (marks.some((mark) => (mark & MARK_BUSY) !== 0)) return false
  let sum = 0
  for (const record of living) sum += Atomics.load(records, record + field)
  const seen = Atomics.load(counts, at) // (R3) the count that (R4) checks
  const undisturbed =
    living.every((record, i) => Atomics.load(records, record + markField) === marks[i]) &&
    Atomics.load(root, HEADER.THREAD_CLAIMS) === claims
  // Who comes in between here changes the count, or puts it back to what it was: then the difference is still right. (R4)
  return undisturbed && (seen === sum || Atomics.compareExchange(counts, at, seen, sum) === seen)
}

/** `Core.reclaim` of the fallback. */
export function reclaimSlots(root: Int32Array, segments: readonly Segment[], ended: number): boolean {
  let settled = true
  for (const { cells, contributions } of segments) {
    for (let slot = 0; slot < SEGMENT_SLOTS; slot++) {
      const counts: Counts = {
        counts: cells,
        words: [
          { at: slot * SLOT.WORDS + SLOT.OPEN, field: CONTRIBUTION.OPEN },
          { at: slot * SLOT.WORDS + SLOT.IN_FLIGHT, field: CONTRIBUTION.IN_FLIGHT },
        ],
        records: contributions,
        mark: CONTRIBUTION.MARK,
        recordOf: (thread) => (thread * SEGMENT_SLOTS + slot) * CONTRIBUTION.WORDS,
      }
      if (!settle(root, counts, ended)) settled = false
    }
  }
  return settled
}
