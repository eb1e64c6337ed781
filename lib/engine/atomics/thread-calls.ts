import { THREAD, threadWord } from '../layout.js'
import { MOST_THREADS, threadRecords } from '../threads.js'

/** Calls of threads' event loops on `Atomics`: each sleeps on a word of its record, `THREAD.CALLED`. */
export class ThreadCalls {
  readonly #root: Int32Array
  readonly #own: number
  /** Grows when the wait that is out is not waited for any more. */
  #round = 0

  constructor(root: Int32Array, thread: number) {
    this.#root = root
    this.#own = threadWord(thread) + THREAD.CALLED
  }

  listen(onCall: () => void): void {
    this.#wait(++this.#round, Atomics.load(this.#root, this.#own), onCall)
  }

  close(): void {
    this.#round++
    // A wait cannot be taken back, only ended.
    Atomics.notify(this.#root, this.#own)
  }

  call(token: number): void {
    const thread = (token & MOST_THREADS) - 1
    if (thread < 0 || thread >= threadRecords(this.#root)) return
    const at = threadWord(thread) + THREAD.CALLED
    Atomics.add(this.#root, at, 1) // (A7) before it falls asleep on the number before, or while it sleeps on it
    Atomics.notify(this.#root, at)
  }

  /** `seen` is the number of calls that were answered. */
  #wait(round: number, seen: number, onCall: () => void): void {
    const { async, value } = Atomics.waitAsync(this.#root, this.#own, seen)
    const answer = (): void => {
      if (round !== this.#round) return
      // Before it looks: a call that comes meanwhile ends the next wait at once.
      const now = Atomics.load(this.#root, this.#own)
      onCall()
      if (round === this.#round) this.#wait(round, now, onCall)
    }
    if (async) void value.then(answer)
    else queueMicrotask(answer)
  }
}
