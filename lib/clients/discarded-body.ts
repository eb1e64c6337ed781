/** A refused answer's body is read up to this size, so that its connection stays usable; beyond it the connection goes. */
const MAX_DISCARDED_BYTES = 64 * 1024
/** ... and for no longer than this, in ms. */
const MAX_DISCARD_MS = 1_000

/** The body of an answer that was refused: bounded in bytes and in time, else it would hold its connection for ever. */
export class DiscardedBody {
  readonly #abort: (reason: Error) => void
  readonly #timer: NodeJS.Timeout
  #bytes = 0

  constructor(abort: (reason: Error) => void) {
    this.#abort = abort
    this.#timer = setTimeout(() => this.#giveUp('takes too long'), MAX_DISCARD_MS).unref()
  }

  /** As a handler's `onData`. */
  add(bytes: number): boolean {
    this.#bytes += bytes
    if (this.#bytes > MAX_DISCARDED_BYTES) this.#giveUp('is too long to read')
    return true
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #giveUp(why: string): void {
    this.end()
    this.#abort(new Error(`the answer was refused, and its body ${why}`))
  }
}
