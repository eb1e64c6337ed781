import type { Failure } from './failure.js'

const INTERVAL_MS = 1000

/** Says why requests failed: one line a second for each code, with how many there were, however many fail. */
export class FailureLog {
  readonly #write: (line: string) => void
  readonly #held = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  /** @param cause for the operator alone */
  add({ status, code, message }: Failure, cause?: string): void {
    const before = this.#held.get(code)
    this.#held.set(code, before === undefined ? 0 : before + 1)
    if (before === undefined)
      this.#write(`${status} ${code}: ${message}${cause === undefined ? '' : ` (${cause})`}`)
    this.#timer ??= setTimeout(() => this.flush(), INTERVAL_MS).unref()
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [code, more] of this.#held) if (more > 0) this.#write(`${code}: ${more} more`)
    this.#held.clear()
  }
}
