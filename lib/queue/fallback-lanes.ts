import { AtomicsLanes } from './atomics-lanes.js'
import type { TicketLanes } from './lanes.js'
import { QUEUE_HEADER } from './layout.js'
import { readLane, readOnlyLane } from './reading.js'

const NOTHING = new Uint32Array(0)

export class FallbackLanes extends AtomicsLanes implements TicketLanes {
  #out: Uint32Array = NOTHING

  popMany(out: Uint32Array): number {
    if (this.memory.words[QUEUE_HEADER.LANES_USED] === 1) return readOnlyLane(this.memory, out)
    this.#out = out
    const count = this.readInTurn(out.length)
    this.#out = NOTHING
    return count
  }

  protected override read(lane: number, taken: number, wanted: number): number {
    return readLane(this.memory, lane, this.#out, taken, wanted)
  }
}
