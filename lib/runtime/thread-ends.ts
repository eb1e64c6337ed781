/**
 * Tells every thread of the process which of its worker threads have ended, however they ended.
 *
 * The parent of a worker hears its `exit`, also where it was terminated; the worker itself runs nothing then. So each
 * thread that has loaded fairlead listens to the workers that it starts, and tells the other threads by a
 * `BroadcastChannel`. A worker that is terminated takes its own workers along, and nobody hears of those: therefore what a
 * thread leaves in shared memory bears its *lineage*, the thread and its nearest ancestors, and ends with any of them.
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

const KEY = 'fairlead.lineage'
const CHANNEL = 'fairlead.thread-ends'

export type ThreadEndListener = (threadId: number) => void

/** Inherited by every worker; a parent without fairlead is left out. */
const lineage: readonly number[] = [threadId, ...((getEnvironmentData(KEY) as number[] | undefined) ?? [])]

const ended = new Set<number>()
const listeners = new Set<ThreadEndListener>()
let channel: BroadcastChannel | undefined

setEnvironmentData(KEY, lineage)
process.on('worker', (worker: Worker) => {
  // It is -1 by the time of the exit.
  const id = worker.threadId
  worker.once('exit', () => {
    open().postMessage(id)
    learn(id)
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

/** Writes this thread's lineage to `LINEAGE_WORDS` words from `at` on. */
export function writeLineage(words: Int32Array, at: number): void {
  for (let i = 0; i < LINEAGE_WORDS; i++) Atomics.store(words, at + i, lineage[i] ?? 0)
}

/** Makes `LINEAGE_WORDS` words from `at` on the lineage of nobody. */
export function clearLineage(words: Int32Array, at: number): void {
  for (let i = 0; i < LINEAGE_WORDS; i++) Atomics.store(words, at + i, 0)
}

/** Whether a thread of the lineage at `at` is known to have ended; `threadId` is one that has. */
export function endedWith(words: Int32Array, at: number, threadId: number): boolean {
  for (let i = 0; i < LINEAGE_WORDS; i++) {
    const id = Atomics.load(words, at + i)
    if (id !== 0 && (id === threadId || ended.has(id))) return true
  }
  return false
}

function open(): BroadcastChannel {
  if (channel === undefined) {
    channel = new BroadcastChannel(CHANNEL)
    channel.onmessage = (event) => learn((event as { data: number }).data)
    channel.unref()
  }
  return channel
}

function learn(id: number): void {
  if (ended.has(id)) return
  ended.add(id)
  for (const listener of listeners) listener(id)
}
