import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'

/**
 * A request's body for the endpoint, no faster than that reads it. An endpoint that answers before it has read all of it
 * ends the reading, not the client's connection, over which the answer still has to go: the rest is read and dropped.
 *
 * It is sent once: either by `pipe`, or by iterating over it (undici).
 */
export class RequestBody {
  /** Why it broke off, as streams say it: not the endpoint's fault. */
  errored: Error | null = null
  readonly #request: IncomingMessage
  readonly #begun: () => void
  #reading = false
  #received = 0
  #stop: (() => void) | undefined
  #broken: ((error: Error) => void) | undefined

  /** @param begun called when an endpoint begins to read */
  constructor(request: IncomingMessage, begun: () => void) {
    this.#request = request
    this.#begun = begun
    request.on('error', (error) => {
      this.errored ??= error
      this.#broken?.(this.errored)
    })
  }

  /** Bytes that have come so far, where the endpoint would take more and the client has not sent it. */
  get awaited(): number | undefined {
    const request = this.#request
    const awaits = this.#reading && !request.complete && !request.isPaused() && request.readableLength === 0
    return awaits ? this.#received : undefined
  }

  /**
   * Writes it to `sink` and ends that.
   *
   * @param moved called whenever `sink` has taken a part
   * @param broken called with the reason when the client breaks off
   */
  pipe(sink: Writable, moved: () => void, broken: (error: Error) => void): void {
    const request = this.#request
    const onData = (chunk: Buffer): void => {
      this.#received += chunk.length
      moved()
      if (!sink.write(chunk)) request.pause()
    }
    const onDrain = (): void => {
      moved()
      request.resume()
    }
    const onEnd = (): void => void sink.end()
    this.#reading = true
    this.#begun()
    if (request.destroyed) this.errored ??= brokenOff()
    if (this.errored !== null) return broken(this.errored)
    this.#broken = broken
    request.on('data', onData).on('end', onEnd)
    sink.on('drain', onDrain)
    this.#stop = () => {
      request.off('data', onData).off('end', onEnd)
      sink.off('drain', onDrain)
    }
  }

  /** The endpoint takes no more: the rest is dropped as it comes. */
  release(): void {
    if (!this.#reading) return
    this.#reading = false
    this.#broken = undefined
    // Of one that has come whole there is nothing left to stop.
    if (this.#request.readableEnded) return
    this.#stop?.()
    this.#request.resume()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    this.#reading = true
    this.#begun()
    try {
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) {
        this.#received += chunk.length
        yield chunk
      }
    } finally {
      this.release()
    }
  }
}

const brokenOff = (): Error =>
  Object.assign(new Error('the client broke off the body of its request'), { code: 'ECONNRESET' })

export type BodyFraming = 'none' | 'body' | 'unknown-coding' | 'old-coding'

/**
 * Whether a request has a body, by its header fields; `chunked` is the only coding that Node undoes (RFC 9112, 6.1), and
 * with HTTP/1.0, which knows none, it is a sign of smuggling.
 */
export function framingOf({ headers, httpVersion }: IncomingMessage): BodyFraming {
  const coding = headers['transfer-encoding']
  if (coding === undefined) return Number(headers['content-length'] ?? 0) > 0 ? 'body' : 'none'
  if (httpVersion === '1.0') return 'old-coding'
  return coding.trim().toLowerCase() === 'chunked' ? 'body' : 'unknown-coding'
}
