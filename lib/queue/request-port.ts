/** A thread's end of a queue of requests. */
import { ArgumentError } from '../errors.js'
import { show } from '../runtime/foreign.js'
import { Holders } from './holders-of-thread.js'
import type { RequestLanes, RequestSpan } from './lanes.js'
import { LANE } from './layout.js'
import { NO_LANE, QueuePort } from './port.js'
import type { RequestMemory } from './request-memory.js'
import { NO_VIEWS, type RequestViews, viewsOf } from './request-views.js'
import { type RequestBytes, writeRequests, writeSlot } from './request-writing.js'
import { passOn } from './waking.js'
import { ACCEPT_ONE, COUNT, POSITION_SHIFT } from './writing.js'

/** UTF-8 takes no more for a unit of a string. */
const BYTES_PER_UNIT = 3

export class RequestPort extends QueuePort<Uint8Array[], readonly RequestBytes[]> {
  declare readonly lanes: RequestLanes
  readonly #memory: RequestMemory
  readonly #holders: Holders
  readonly #span: RequestSpan = { slot: 0, count: 0 }

  constructor(lanes: RequestLanes, memory: RequestMemory) {
    const holders = new Holders(lanes)
    super(lanes, () => holders.freeAll())
    this.#memory = memory
    this.#holders = holders
  }

  push(request: RequestBytes): boolean {
    this.#check('push', request)
    this.checkOpen()
    const memory = this.#memory
    const { words, blockMask } = memory
    const { at } = this
    if (at !== NO_LANE) {
      const credit = words[at + LANE.CREDIT] // (Q6) a guess, which the exchange checks
      const accepted = credit >>> POSITION_SHIFT
      if ((credit & COUNT) !== 0 && accepted !== (words[at + LANE.BLOCK_END] & COUNT)) {
        const offset = accepted & blockMask
        writeSlot(memory, (memory.ownBlock(at) << memory.blockShift) + offset, request)
        if (Atomics.compareExchange(words, at + LANE.CREDIT, credit, (credit + ACCEPT_ONE) | 0) === credit) {
          this.endTurnLater()
          if (offset === blockMask) this.flush()
          return true
        }
      }
    }
    return this.accept([request]) === 1
  }

  pushMany(requests: readonly RequestBytes[]): number {
    if (!Array.isArray(requests)) {
      throw new ArgumentError(`pushMany(${show(requests)}): requests come in an array`)
    }
    // All of them first, so that nothing is accepted of a list with a fault.
    for (let i = 0; i < requests.length; i++) this.#check('pushMany', requests[i], i)
    this.checkOpen()
    return requests.length === 0 ? 0 : this.accept(requests)
  }

  /** Up to `most` requests, whose bytes are nobody else's. */
  override pop(most: number): Uint8Array[] {
    this.flush()
    const out: Uint8Array[] = []
    this.lanes.popInto(out, most)
    passOn(this.lanes)
    return out
  }

  /** As `pop`, but stops the thread until there is something, the time is up or the queue has ended. */
  popWait(most: number, timeoutMs: number): Uint8Array[] {
    let out: Uint8Array[] = []
    this.wait(
      () => {
        out = this.pop(most)
        return out.length
      },
      most,
      timeoutMs,
    )
    return out
  }

  /** Up to `most` requests of one block, where they lie. */
  popViews(most: number): RequestViews {
    this.flush()
    if (most === 0) return NO_VIEWS
    const holder = this.#holders.take()
    const span = this.#span
    this.lanes.holdInto(span, holder, most)
    passOn(this.lanes)
    if (span.count > 0) return viewsOf(this.#memory, span, () => this.#holders.free(holder))
    this.#holders.free(holder)
    return NO_VIEWS
  }

  /** As `popViews`, but stops the thread until there is something, the time is up or the queue has ended. */
  popViewsWait(most: number, timeoutMs: number): RequestViews {
    let views = NO_VIEWS
    this.wait(
      () => {
        views = this.popViews(most)
        return views.length
      },
      most,
      timeoutMs,
    )
    return views
  }

  protected override write(lane: number, requests: readonly RequestBytes[], from: number): number {
    return writeRequests(this.lanes, this.#memory, lane, requests, from)
  }

  /** Throws an ArgumentError for what is no request, or one that does not fit a slot. */
  #check(verb: string, request: RequestBytes, index?: number): void {
    const { slotBytes } = this.#memory
    if (request instanceof Uint8Array) {
      if (request.length <= slotBytes) return
    } else if (typeof request === 'string') {
      if (request.length * BYTES_PER_UNIT <= slotBytes) return
      if (request.length <= slotBytes && Buffer.byteLength(request) <= slotBytes) return
    } else {
      throw new ArgumentError(
        `${verb}: ${nameOf(index)} is ${show(request)}; it takes a Uint8Array, or a string, which is queued as UTF-8`,
      )
    }
    throw new ArgumentError(
      `${verb}: ${nameOf(index)} has ${Buffer.byteLength(request)} bytes, and this queue takes up to ${slotBytes}, its slotBytes`,
    )
  }
}

const nameOf = (index: number | undefined): string =>
  index === undefined ? 'the request' : `request number ${index} of the list`
