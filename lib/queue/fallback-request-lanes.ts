import { AtomicsLanes } from './atomics-lanes.js'
import { BlockHold, freeHolder, reapHolders, takeHolder } from './holders.js'
import type { RequestLanes, RequestSpan } from './lanes.js'
import { readLane } from './reading.js'
import { RequestCopies } from './request-copies.js'
import type { RequestMemory } from './request-memory.js'

const NOWHERE: Uint8Array[] = []

export class FallbackRequestLanes extends AtomicsLanes implements RequestLanes {
  readonly #copies: RequestCopies
  #out = NOWHERE

  constructor(memory: RequestMemory) {
    super(memory)
    this.#copies = new RequestCopies(memory)
  }

  popInto(out: Uint8Array[], wanted: number): void {
    this.#out = out
    this.readInTurn(wanted)
    this.#out = NOWHERE
  }

  takeHolder(): number {
    return takeHolder(this.memory)
  }

  holdInto(span: RequestSpan, holder: number, wanted: number): void {
    const hold = new BlockHold(holder)
    span.count = this.readFirst((lane) => readLane(this.memory, lane, wanted, hold))
    span.slot = hold.from
  }

  freeHolder(holder: number): void {
    freeHolder(this.memory, holder)
  }

  override reap(): boolean {
    reapHolders(this.memory)
    return super.reap()
  }

  protected override read(lane: number, _taken: number, wanted: number): number {
    const count = readLane(this.memory, lane, wanted, this.#copies)
    this.#copies.giveOut(this.#out, count)
    return count
  }
}
