/**
 * Who sleeps until there is something to read, and who is to wake them.
 *
 * A thread that is about to sleep sets its bit and then looks once more; a producer publishes and then looks at the bits.
 * Both looks are ordered behind what goes before them, so at least one of the two sees the other (W1 to W5 in docs/concurrency/queues.md). Who clears a
 * bit owes that sleeper a call. A publication wakes one; whoever reads and leaves something behind wakes the next.
 */
import { load } from '../engine/ordering.js'
import { QUEUE_HEADER, QUEUE_SIZES, WAITER, type WAITER_KIND, waiterWord } from './layout.js'
import type { QueueMemory } from './memory.js'
import { give, OWNER_NOBODY, take, takeOver } from './ownership.js'

export type WaiterKind = (typeof WAITER_KIND)[keyof typeof WAITER_KIND]

const FIRST = QUEUE_HEADER.SLEEPERS
const SECOND = QUEUE_HEADER.SLEEPERS + 1
/** Waiters whose bit is in the first word. */
const IN_FIRST = 31
/** Of the first word: look at the second as well. */
const SEE_SECOND = 1 << IN_FIRST
const ASLEEP = 0
const WOKEN = 1

const wordOf = (waiter: number): number => (waiter < IN_FIRST ? FIRST : SECOND)
const bitOf = (waiter: number): number => 1 << (waiter < IN_FIRST ? waiter : waiter - IN_FIRST)

/** Word to sleep on. */
export const futexOf = (waiter: number): number => waiterWord(waiter) + WAITER.FUTEX

/** Takes a waiter that nobody owns: its number, or -1. */
export function takeWaiter({ words }: QueueMemory, kind: WaiterKind): number {
  for (let waiter = 0; waiter < QUEUE_SIZES.WAITERS; waiter++) {
    const at = waiterWord(waiter)
    if (!take(words, at + WAITER.OWNER, at + WAITER.LINEAGE)) continue
    Atomics.store(words, at + WAITER.KIND, kind)
    return waiter
  }
  return -1
}

/** Gives an own waiter back, which does not sleep. */
export function freeWaiter({ words }: QueueMemory, waiter: number): void {
  give(words, waiterWord(waiter) + WAITER.OWNER)
}

/** From now on the own waiter may be woken. The caller looks once more before it sleeps. */
export function fallAsleep({ words }: QueueMemory, waiter: number): void {
  Atomics.store(words, futexOf(waiter), ASLEEP)
  Atomics.or(words, wordOf(waiter), bitOf(waiter)) // (W1) before the second look: who publishes later sees it
  if (waiter >= IN_FIRST) Atomics.or(words, FIRST, SEE_SECOND) // (W1) before the second look as well
}

/** The own waiter does not sleep any more: true where somebody had set out to wake it. */
export function wakeUp({ words }: QueueMemory, waiter: number): boolean {
  const bit = bitOf(waiter)
  // (W3) Cleared already: a call is on its way.
  const called = (Atomics.and(words, wordOf(waiter), ~bit) & bit) === 0
  if (called) words[waiterWord(waiter) + WAITER.WAKE_UPS]++
  return called
}

/** True while nobody has set out to wake the waiter. */
export function isAsleep({ words }: QueueMemory, waiter: number): boolean {
  return (Atomics.load(words, wordOf(waiter)) & bitOf(waiter)) !== 0
}

/** True where the waiter has an owner, who is awake or has been claimed: its word cannot tell, as it is stored before the call. */
export const mayBeClaimed = (memory: QueueMemory, waiter: number): boolean =>
  Atomics.load(memory.words, waiterWord(waiter) + WAITER.OWNER) !== OWNER_NOBODY && !isAsleep(memory, waiter)

/** Whether anybody sleeps: for whoever has just published, read or closed. */
export function anyAsleep({ words }: QueueMemory): boolean {
  return load(words, FIRST) !== 0 // (W2) after the store of TAIL: one of the two sees the other
}

/** A guess at `anyAsleep`, before anything was published. */
export const seemsAsleep = ({ words }: QueueMemory): boolean => words[FIRST] !== 0

/** Takes one sleeper out of the bits: its number, or -1 where nobody sleeps. The caller wakes it. */
export function claimSleeper({ words }: QueueMemory): number {
  const first = claimIn(words, FIRST, ~SEE_SECOND)
  if (first >= 0) return first
  if ((Atomics.load(words, FIRST) & SEE_SECOND) === 0) return -1
  const second = claimIn(words, SECOND, -1)
  return second < 0 ? -1 : IN_FIRST + second
}

function claimIn(words: Int32Array, word: number, mask: number): number {
  for (;;) {
    const asleep = Atomics.load(words, word) & mask // (W2) after the store of TAIL
    if (asleep === 0) return -1
    const number = 31 - Math.clz32(asleep & -asleep)
    const bit = 1 << number
    // (W3) Of several that want to wake it, one does.
    if ((Atomics.and(words, word, ~bit) & bit) !== 0) return number
  }
}

/** Ends the sleep on a waiter's word. */
export function mark({ words }: QueueMemory, waiter: number): void {
  Atomics.store(words, futexOf(waiter), WOKEN) // (W4) late, it wakes for nothing
  Atomics.notify(words, futexOf(waiter))
}

export const kindOf = ({ words }: QueueMemory, waiter: number): number =>
  Atomics.load(words, waiterWord(waiter) + WAITER.KIND)

/** Frees the waiters of threads that have ended. They may have taken a call with them, which the caller passes on. */
export function reapWaiters(memory: QueueMemory): void {
  const { words } = memory
  for (let waiter = 0; waiter < QUEUE_SIZES.WAITERS; waiter++) {
    const at = waiterWord(waiter)
    if (!takeOver(words, at + WAITER.OWNER, at + WAITER.LINEAGE)) continue
    Atomics.and(words, wordOf(waiter), ~bitOf(waiter))
    freeWaiter(memory, waiter)
  }
}

/** The own waiter has found something without a call. */
export function countRescue({ words }: QueueMemory, waiter: number): void {
  words[waiterWord(waiter) + WAITER.RESCUES]++
}

/** How often sleepers were woken, by all threads. */
export function wakeUps({ words }: QueueMemory): number {
  let sum = 0
  for (let waiter = 0; waiter < QUEUE_SIZES.WAITERS; waiter++)
    sum += Atomics.load(words, waiterWord(waiter) + WAITER.WAKE_UPS) >>> 0
  return sum
}
