import type { WriteStream } from 'node:tty'

/** Nothing is said of what takes less than this, ms. */
const QUIET_MS = 1_000
/** Between two lines where there is no terminal, ms. */
const LINE_MS = 5_000

/** How far a simulation is: one line that is replaced, or a line now and then where nobody can replace it. */
export class Progress {
  readonly #stream: WriteStream & { isTTY?: boolean }
  readonly #began = performance.now()
  #said = 0
  #shown = false

  constructor(stream: WriteStream) {
    this.#stream = stream
  }

  show(policy: string, share: number): void {
    const elapsed = performance.now() - this.#began
    if (elapsed < QUIET_MS) return
    const words = `${policy}: ${Math.floor(100 * share)}%`
    if (this.#stream.isTTY) {
      this.#stream.write(`\r\x1b[K${words}`)
      this.#shown = true
    } else if (this.#said === 0 || elapsed - this.#said >= LINE_MS) {
      this.#said = elapsed
      this.#stream.write(`${words}\n`)
    }
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K')
    this.#shown = false
  }
}
