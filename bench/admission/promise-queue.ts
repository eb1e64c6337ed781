/** What a careful Node programmer writes today, for one thread: a number of places, and a list of those who wait for one. */
interface Waiting {
  readonly placed: () => void
  readonly signal: AbortSignal | undefined
  readonly onAbort: () => void
}

export class PromiseQueue {
  #free: number
  readonly #waiting: Waiting[] = []

  constructor(places: number) {
    this.#free = places
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Resolves when the caller has a place. Rejects with the signal's reason. */
  acquire(signal?: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    return new Promise((placed, failed) => {
      const one: Waiting = {
        placed,
        signal,
        onAbort: () => {
          this.#waiting.splice(this.#waiting.indexOf(one), 1)
          failed(signal?.reason)
        },
      }
      signal?.addEventListener('abort', one.onAbort, { once: true })
      this.#waiting.push(one)
    })
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) {
      this.#free++
      return
    }
    next.signal?.removeEventListener('abort', next.onAbort)
    next.placed()
  }
}
