import { threadId } from 'node:worker_threads'
import { isGone } from '../runtime/thread-ends.js'
import type { Timers } from '../runtime/timers.js'
import type { LeadWords } from './memory.js'

/** This thread as the leader; 0: nobody is. */
const OWN = threadId + 1

/** Which of the threads that would do something for all of them does so. (N2) */
export class Lead {
  readonly #root: Int32Array
  readonly #leader: number
  readonly #beat: Float64Array
  readonly #timers: Timers

  constructor(root: Int32Array<SharedArrayBuffer>, { leader, beat }: LeadWords, timers: Timers) {
    this.#root = root
    this.#leader = leader
    this.#beat = new Float64Array(root.buffer, beat * root.BYTES_PER_ELEMENT, 1)
    this.#timers = timers
  }

  get holds(): boolean {
    return Atomics.load(this.#root, this.#leader) === OWN // (N2) one that was replaced finds out
  }

  /**
   * Takes the lead where nobody has it, or where its holder has ended or gave no sign of life for so long, ms; gives a sign of
   * life where this thread has it. Whether it has.
   */
  take(lostAfterMs: number): boolean {
    const leader = Atomics.load(this.#root, this.#leader)
    const now = this.#timers.now()
    const isVacant = leader === 0 || isGone(leader - 1) || now - this.#beat[0] > lostAfterMs
    if (leader !== OWN && isVacant) {
      // First, so that nobody finds a new leader with the sign of life of the old one.
      this.#beat[0] = now
      Atomics.compareExchange(this.#root, this.#leader, leader, OWN) // (N2) of several one
    }
    const { holds } = this
    if (holds) this.#beat[0] = now
    return holds
  }

  resign(): void {
    Atomics.compareExchange(this.#root, this.#leader, OWN, 0)
  }
}
