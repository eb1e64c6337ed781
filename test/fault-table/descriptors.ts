import { closeSync, openSync } from 'node:fs'

const FILL_EVERY_MS = 5
/** No process of a run may have more: a forgotten `ulimit` would otherwise fill the machine's table. */
const MOST = 2_000

/** Takes every file descriptor that this process may still have, and those that become free, until it is released. */
export class DescriptorHog {
  readonly #held: number[] = []
  #timer: NodeJS.Timeout | undefined

  take(): void {
    this.#fill()
    this.#timer = setInterval(() => this.#fill(), FILL_EVERY_MS)
  }

  release(): void {
    clearInterval(this.#timer)
    for (const descriptor of this.#held.splice(0)) closeSync(descriptor)
  }

  #fill(): void {
    try {
      while (this.#held.length < MOST) this.#held.push(openSync('/dev/null', 'r'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error
      return
    }
    throw new Error(`${MOST} descriptors, and there are still more: this process has no ulimit`)
  }
}
