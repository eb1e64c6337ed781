import { threadId } from 'node:worker_threads'
import { HEADER } from '../engine/layout.js'
import { isGone } from '../runtime/thread-ends.js'
import type { Timers } from '../runtime/timers.js'

/** This thread as the leader; 0: nobody is. */
const OWN = threadId + 1

/** Which of the threads that monitor a topology does so. (N2) */
export class Lead {
  readonly #root: Int32Array
  readonly #beat: Float64Array
  readonly #timers: Timers

  constructor(root: Int32Array<SharedArrayBuffer>, timers: Timers) {
    this.#root = root
    this.#beat = new Float64Array(root.buffer, HEADER.LEADER_BEAT * root.BYTES_PER_ELEMENT, 1)
    this.#timers = timers
  }

  get holds(): boolean {
    return Atomics.load(this.#root, HEADER.LEADER) === OWN // (N2) one that was replaced finds out
  }

  /**
   * Takes the lead where nobody has it, or where its holder has ended or gave no sign of life for so long, ms; gives a sign of
   * life where this thread has it. Whether it has.
   */
  take(lostAfterMs: number): boolean {
    const leader = Atomics.load(this.#root, HEADER.LEADER)
    const now = this.#timers.now()
    const isVacant = leader === 0 || isGone(leader - 1) || now - this.#beat[0] > lostAfterMs
    if (leader !== OWN && isVacant) {
      // First, so that nobody finds a new leader with the sign of life of the old one.
      this.#beat[0] = now
      Atomics.compareExchange(this.#root, HEADER.LEADER, leader, OWN) // (N2) of several one
    }
    const { holds } = this
    if (holds) this.#beat[0] = now
    return holds
  }

  resign(): void {
    Atomics.compareExchange(this.#root, HEADER.LEADER, OWN, 0)
  }
}
