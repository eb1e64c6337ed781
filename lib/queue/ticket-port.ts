/** A thread's end of a ticket queue. */
import { ArgumentError } from '../errors.js'
import { show } from '../runtime/foreign.js'
import type { TicketLanes } from './lanes.js'
import { LANE } from './layout.js'
import { NO_LANE, QueuePort } from './port.js'
import { passOn } from './waking.js'
import { ACCEPT_ONE, COUNT, POSITION_SHIFT, writeLane } from './writing.js'

export class TicketPort extends QueuePort<Uint32Array, Uint32Array> {
  declare readonly lanes: TicketLanes
  readonly #words: Int32Array
  readonly #items: Uint32Array
  readonly #blockShift: number
  readonly #blockMask: number
  readonly #one = new Uint32Array(1)
  #scratch = new Uint32Array(0)

  constructor(lanes: TicketLanes) {
    super(lanes)
    const { memory } = lanes
    this.#words = memory.words
    this.#items = memory.items
    this.#blockShift = memory.blockShift
    this.#blockMask = memory.blockMask
  }

  push(ticket: number): boolean {
    if (typeof ticket !== 'number' || ticket >>> 0 !== ticket) {
      throw new ArgumentError(`push(${show(ticket)}): a ticket is a whole number from 0 to 4294967295`)
    }
    this.checkOpen()
    const words = this.#words
    const { at } = this
    if (at !== NO_LANE) {
      const credit = words[at + LANE.CREDIT] // (Q6) a guess, which the exchange checks
      const accepted = credit >>> POSITION_SHIFT
      if ((credit & COUNT) !== 0 && accepted !== (words[at + LANE.BLOCK_END] & COUNT)) {
        const offset = accepted & this.#blockMask
        // Not `ownBlock`, which is 3 ns of 35: beyond the items a typed array writes nothing.
        this.#items[(words[at + LANE.BLOCK] << this.#blockShift) + offset] = ticket
        if (Atomics.compareExchange(words, at + LANE.CREDIT, credit, (credit + ACCEPT_ONE) | 0) === credit) {
          this.endTurnLater()
          if (offset === this.#blockMask) this.flush()
          return true
        }
      }
    }
    this.#one[0] = ticket
    return this.accept(this.#one) === 1
  }

  pushMany(tickets: Uint32Array): number {
    if (!(tickets instanceof Uint32Array)) {
      throw new ArgumentError(`pushMany(${show(tickets)}): tickets come in a Uint32Array`)
    }
    this.checkOpen()
    return tickets.length === 0 ? 0 : this.accept(tickets)
  }

  popMany(into: Uint32Array): number {
    if (!(into instanceof Uint32Array)) {
      throw new ArgumentError(`popMany(${show(into)}): tickets are read into a Uint32Array`)
    }
    this.flush()
    const count = this.lanes.popMany(into)
    passOn(this.lanes)
    return count
  }

  /** As `popMany`, but stops the thread until there is something, the time is up or the queue has ended. */
  popWait(into: Uint32Array, timeoutMs: number): number {
    return this.wait(() => this.popMany(into), into.length, timeoutMs)
  }

  override pop(most: number): Uint32Array {
    if (this.#scratch.length < most) this.#scratch = new Uint32Array(most)
    const into = this.#scratch.length === most ? this.#scratch : this.#scratch.subarray(0, most)
    return this.#scratch.slice(0, this.popMany(into))
  }

  protected override write(lane: number, tickets: Uint32Array, from: number): number {
    return writeLane(this.lanes, lane, from === 0 ? tickets : tickets.subarray(from))
  }
}
