import { SLOT } from '../engine/layout.js'
import { randomPosition, reserveFrom } from './choose.js'
import { type OpenPolicy, type PolicyView, stateful } from './policy.js'

/**
 * Join-idle-queue (Lu et al., 2011): an endpoint that has nothing left to do joins this thread's queue of idle endpoints;
 * a request goes to the one that has waited longest there, or to one at random where nobody is idle. A pick looks at one
 * endpoint. Weights are ignored.
 *
 * An endpoint joins the queue of the thread whose request it ended last. The in-flight counts are all threads', so one
 * that another thread has taken meanwhile is passed over.
 */
export const joinIdleQueue = stateful({
  name: 'join-idle-queue',
  options: {},
  otherNames: ['jiq'],
  latency: 'plain',
  ignoresWeights: true,
  open: (): OpenPolicy => {
    let queue: IdleQueue | undefined
    return {
      picker: (view) => {
        const current = new IdleQueue(view)
        queue = current
        return () => current.pick()
      },
      ended: (slot) => queue?.join(slot),
    }
  },
})

class IdleQueue {
  readonly #view: PolicyView
  /** A ring of positions with room for each endpoint once. */
  readonly #ring: Uint32Array
  readonly #waiting: Uint8Array
  /** By slot; -1 where the slot is none of the view's. */
  readonly #positionOf: Int32Array
  #head = 0
  #length = 0

  /** In random order, so that threads that begin together do not all begin with the same endpoint. */
  constructor(view: PolicyView) {
    const { slots } = view
    this.#view = view
    this.#ring = new Uint32Array(slots.length)
    this.#waiting = new Uint8Array(slots.length)
    const order = slots.slice()
    for (let i = order.length - 1; i > 0; i--) {
      const j = randomPosition(view, i + 1)
      const swap = order[i]
      order[i] = order[j]
      order[j] = swap
    }
    let top = -1
    for (let i = 0; i < slots.length; i++) if (slots[i] > top) top = slots[i]
    this.#positionOf = new Int32Array(top + 1).fill(-1)
    for (let i = 0; i < slots.length; i++) this.#positionOf[slots[i]] = i
    for (const slot of order) this.join(slot)
  }

  /** Puts a slot at the end, where it is idle and not waiting yet. */
  join(slot: number): void {
    const position = slot < this.#positionOf.length ? this.#positionOf[slot] : -1
    if (position < 0 || this.#waiting[position] !== 0 || !this.#isIdle(slot)) return
    const { length } = this.#ring
    const tail = this.#head + this.#length++
    this.#ring[tail < length ? tail : tail - length] = position
    this.#waiting[position] = 1
  }

  pick(): number {
    const { slots, state } = this.#view
    while (this.#length > 0) {
      const position = this.#ring[this.#head]
      if (++this.#head === this.#ring.length) this.#head = 0
      this.#length--
      this.#waiting[position] = 0
      const slot = slots[position]
      if (this.#isIdle(slot) && state.core.reserve(slot)) return slot
    }
    return slots.length === 0 ? -1 : reserveFrom(this.#view, slots, randomPosition(this.#view, slots.length))
  }

  #isIdle(slot: number): boolean {
    return this.#view.state.peek(slot, SLOT.IN_FLIGHT) === 0
  }
}
