import { AtomicsLanes } from './atomics-lanes.js'
import type { TicketLanes } from './lanes.js'
import { QUEUE_HEADER } from './layout.js'
import { readLane, readOnlyLane, TicketCopy } from './reading.js'

const NOTHING = new Uint32Array(0)

export class FallbackLanes extends AtomicsLanes implements TicketLanes {
  readonly #copy = new TicketCopy()

  popMany(out: Uint32Array): number {
    if (this.memory.words[QUEUE_HEADER.LANES_USED] === 1) return readOnlyLane(this.memory, out, this.#copy)
    this.#copy.out = out
    const count = this.readInTurn(out.length)
    this.#copy.out = NOTHING
    return count
  }

  protected override read(lane: number, taken: number, wanted: number): number {
    this.#copy.at = taken
    return readLane(this.memory, lane, wanted, this.#copy)
  }
}
