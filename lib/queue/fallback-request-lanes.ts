import { AtomicsLanes } from './atomics-lanes.js'
import { freeHolder, reapHolders, takeHolder } from './holders.js'
import type { RequestLanes, RequestSpan } from './lanes.js'
import { RequestCopies } from './request-copies.js'
import type { RequestMemory } from './request-memory.js'
import { holdRequests, readRequests } from './request-reading.js'

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
    span.count = this.readFirst((lane) => holdRequests(this.memory, lane, holder, wanted, span))
  }

  freeHolder(holder: number): void {
    freeHolder(this.memory, holder)
  }

  override reap(): boolean {
    reapHolders(this.memory)
    return super.reap()
  }

  protected override read(lane: number, _taken: number, wanted: number): number {
    const count = readRequests(this.memory, lane, this.#copies, wanted)
    this.#copies.giveOut(this.#out, count)
    return count
  }
}
