/**
 * What a queue promises, as a model for `findFault`. Numbers say whose they are and which one, so that the lane of a
 * producer is a matter of three counts.
 *
 * - `push` accepts at one moment of the call at which there is room; one that is refused saw the queue full at one moment,
 *   where what other pushes had in hand at that moment (`mostInHand`) counts as taken. `pushMany` does so number by number.
 * - What a thread accepted is published, in that order, when its block is full, in its `flush`, at the begin of its pop
 *   and at the end of its refused push.
 * - A pop takes, one by one, the first of some lane that is published and was not taken. One that takes none saw each
 *   lane empty, not all at the same moment.
 *
 * So it is FIFO per producer, and between two producers whatever the pops made of it.
 */
import { QUEUE_SIZES } from '../../lib/queue/layout.js'
import type { Call, Model, Step } from './search.js'

const SHIFT = 24

/** Number `index` of those of a thread. */
export const numberOf = (thread: number, index: number): number => thread * 2 ** SHIFT + index

export type QueueChange =
  | { readonly what: 'accept'; readonly lane: number }
  | { readonly what: 'publish'; readonly lane: number; readonly from: number; readonly to: number }
  | { readonly what: 'take'; readonly lane: number; readonly index: number }
/** A lane, by number, is empty; or the queue is full but for so many items. */
export type QueueFact = { readonly empty: number } | { readonly fullBut: number }
export type QueueCall = Call<QueueChange, QueueFact>

/** A call as it was recorded. `asked`: how many items it wanted to push or pop. */
export interface RecordedCall {
  readonly thread: number
  readonly verb: 'push' | 'pop' | 'flush'
  readonly invoked: number
  readonly responded: number
  readonly asked: number
  /** Those that were accepted or popped. */
  readonly numbers: readonly number[]
}

export interface QueueShape {
  readonly threads: number
  readonly capacity: number
  /** Items of a block. */
  readonly block: number
}

export class QueueModel implements Model<QueueChange, QueueFact> {
  readonly #capacity: number
  readonly #published: number[]
  readonly #taken: number[]
  #inside = 0

  constructor({ threads, capacity }: QueueShape) {
    this.#capacity = capacity
    this.#published = new Array(threads).fill(0)
    this.#taken = new Array(threads).fill(0)
  }

  make(change: QueueChange): boolean {
    const { what, lane } = change
    if (what === 'accept') {
      if (this.#inside >= this.#capacity) return false
      this.#inside++
    } else if (what === 'publish') this.#published[lane] = change.to
    else {
      if (change.index !== this.#taken[lane] || change.index >= this.#published[lane]) return false
      this.#taken[lane]++
      this.#inside--
    }
    return true
  }

  unmake(change: QueueChange): void {
    const { what, lane } = change
    if (what === 'accept') this.#inside--
    else if (what === 'publish') this.#published[lane] = change.from
    else {
      this.#taken[lane]--
      this.#inside++
    }
  }

  isTrue(fact: QueueFact): boolean {
    if ('empty' in fact) return this.#taken[fact.empty] === this.#published[fact.empty]
    return this.#inside >= this.#capacity - fact.fullBut
  }
}

/** The steps that the queue's promises make of calls, which come in the order of each thread. */
export function queueCalls(recorded: readonly RecordedCall[], shape: QueueShape): QueueCall[] {
  const lanes = Array.from({ length: shape.threads }, () => ({ accepted: 0, published: 0 }))
  return recorded.map((call) => {
    const { thread, verb, asked, numbers } = call
    const lane = lanes[thread]
    const steps: Step<QueueChange, QueueFact>[] = []
    const publish = (): void => {
      if (lane.published === lane.accepted) return
      steps.push({ change: { what: 'publish', lane: thread, from: lane.published, to: lane.accepted } })
      lane.published = lane.accepted
    }
    if (verb === 'push') {
      for (const _ of numbers) {
        steps.push({ change: { what: 'accept', lane: thread } })
        if (++lane.accepted % shape.block === 0) publish()
      }
      if (numbers.length < asked) {
        steps.push({ facts: [{ fullBut: inHand(call, recorded, shape.capacity) }] })
        publish()
      }
    } else publish()
    if (verb === 'pop') {
      for (const number of numbers) {
        const from = Math.floor(number / 2 ** SHIFT)
        steps.push({ change: { what: 'take', lane: from, index: number % 2 ** SHIFT } })
      }
      if (numbers.length === 0 && asked > 0) steps.push({ facts: lanes.map((_, i) => ({ empty: i })) })
    }
    const said = verb === 'flush' ? '' : ` ${asked}, got [${numbers.map(show)}]`
    return { ...call, steps, label: `${verb}${said} at ${call.invoked} to ${call.responded}` }
  })
}

/**
 * Credits that a producer may have in hand, while its push goes on, beyond what that accepts: it takes an eighth of what is
 * free from the common stock at once, GRANT at most. None where an eighth of the capacity is one item.
 */
export const mostInHand = (capacity: number): number =>
  Math.max(0, Math.min(QUEUE_SIZES.GRANT, capacity >>> 3) - 1)

/** Credits that producers whose pushes overlap a refused one may have in hand. */
function inHand(refused: RecordedCall, recorded: readonly RecordedCall[], capacity: number): number {
  const others = new Set<number>()
  for (const { thread, verb, invoked, responded } of recorded) {
    if (verb !== 'push' || thread === refused.thread) continue
    if (invoked < refused.responded && refused.invoked < responded) others.add(thread)
  }
  return others.size * mostInHand(capacity)
}

const show = (number: number): string => `${Math.floor(number / 2 ** SHIFT)}:${number % 2 ** SHIFT}`
