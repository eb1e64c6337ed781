/**
 * Tells every thread of the process which of its worker threads have ended, however they ended.
 *
 * The parent of a worker hears its `exit`, also where it was terminated; the worker itself runs nothing then. So each
 * thread that has loaded fairlead listens to the workers that it starts, notes an end in memory that all threads share,
 * and calls the others' event loops by a `BroadcastChannel`. Node lets workers inherit that memory, so a thread that comes
 * later, or is blocked, can look there as well.
 *
 * A worker that is terminated takes its own workers along, and nobody hears of those: therefore what a thread leaves in
 * shared memory bears its *lineage*, the thread and its nearest ancestors, and ends with any of them.
 *
 * Not seen is the end of a worker whose parent has loaded fairlead after it was started, or not at all.
 */
import {
  BroadcastChannel,
  getEnvironmentData,
  setEnvironmentData,
  threadId,
  type Worker,
} from 'node:worker_threads'

/** A lineage in shared memory: the thread, its parent, its parent's parent, ..., 0 after the last worker among them. */
export const LINEAGE_WORDS = 4

const KEY = 'fairlead.threads'
const CHANNEL = 'fairlead.thread-ends'
/** Workers that the shared memory has a bit for, 128 KiB; of those after the first million only the call is heard. */
const NOTED = 1 << 20
const BITS_SHIFT = 5
/** Word of the shared memory: ends that it has noted. The bits follow. */
const COUNT = 0
const BITS = 1

export type ThreadEndListener = (threadId: number) => void

/** What a worker inherits from its nearest ancestor that has loaded fairlead. */
interface Inherited {
  readonly lineage: readonly number[]
  readonly notes: SharedArrayBuffer
}

const inherited = getEnvironmentData(KEY) as Inherited | undefined
const notes = new Int32Array(
  inherited?.notes ?? new SharedArrayBuffer((BITS + (NOTED >>> BITS_SHIFT)) * Int32Array.BYTES_PER_ELEMENT),
)
// Its own already where another copy of this module was loaded before.
const lineage: readonly number[] =
  inherited?.lineage[0] === threadId ? inherited.lineage : [threadId, ...(inherited?.lineage ?? [])]

/** Ended threads for which there is no bit. */
const beyond = new Set<number>()
const listeners = new Set<ThreadEndListener>()
let channel: BroadcastChannel | undefined

setEnvironmentData(KEY, { lineage, notes: notes.buffer } satisfies Inherited)
process.on('worker', (worker: Worker) => {
  // It is -1 by the time of the exit.
  const id = worker.threadId
  worker.once('exit', () => {
    note(id)
    open().postMessage(id)
    tell(id)
  })
})

/**
 * Calls back once for each worker thread that ends from now on, in this thread's event loop, wherever the worker was
 * started. Returns what ends that. Does not keep the loop alive.
 */
export function onThreadEnd(listener: ThreadEndListener): () => void {
  open()
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** Whether a worker thread is known to have ended. Its descendants may be gone with it without being known. */
export function isGone(id: number): boolean {
  // A number from shared memory that was damaged may be less than 0, too.
  if (id >>> 0 >= NOTED) return beyond.has(id)
  // (E1) Set once by the parent, never cleared.
  return ((Atomics.load(notes, BITS + (id >>> BITS_SHIFT)) >>> (id & 31)) & 1) === 1
}

/** Grows with each end. For whoever looks now and then without its event loop: another number, another look at `isGone`. */
export function endsNoted(): number {
  return Atomics.load(notes, COUNT) + beyond.size // (E2) another number: some bit is new
}

/** Writes this thread's lineage to `LINEAGE_WORDS` words from `at` on; the thread itself last, which makes it valid. */
export function writeLineage(words: Int32Array, at: number): void {
  for (let i = LINEAGE_WORDS - 1; i >= 0; i--) Atomics.store(words, at + i, lineage[i] ?? 0)
}

/** Makes `LINEAGE_WORDS` words from `at` on the lineage of nobody. */
export function clearLineage(words: Int32Array, at: number): void {
  for (let i = 0; i < LINEAGE_WORDS; i++) Atomics.store(words, at + i, 0)
}

/** Whether a thread of the lineage at `at` is known to have ended; `threadId`, if not 0, is one that has. */
export function endedWith(words: Int32Array, at: number, threadId = 0): boolean {
  for (let i = 0; i < LINEAGE_WORDS; i++) {
    const id = Atomics.load(words, at + i)
    if (id !== 0 && (id === threadId || isGone(id))) return true
  }
  return false
}

function open(): BroadcastChannel {
  if (channel === undefined) {
    channel = new BroadcastChannel(CHANNEL)
    channel.onmessage = (event) => {
      const id = (event as { data: number }).data
      note(id)
      tell(id)
    }
    channel.unref()
  }
  return channel
}

/** Once for each thread, by its parent; again by those that have another memory, as they have no ancestor in common. */
function note(id: number): void {
  if (id >= NOTED) {
    beyond.add(id)
    return
  }
  const bit = 1 << (id & 31)
  // (E1) The bit, then (E2) the number: who sees another number sees the bit.
  if ((Atomics.or(notes, BITS + (id >>> BITS_SHIFT), bit) & bit) === 0) Atomics.add(notes, COUNT, 1)
}

function tell(id: number): void {
  for (const listener of listeners) listener(id)
}
