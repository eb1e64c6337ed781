/** A stream of bytes, split into lines. */
const NEWLINE = 0x0a

export class LineSplitter {
  readonly #maxBytes: number
  /** The beginning of the line that has not ended yet. */
  #parts: Uint8Array[] = []
  #bytes = 0

  /** @param maxBytes of one line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The lines that end in this chunk, without those that are empty. Throws where one is too long. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = []
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end))
      lines.push(...this.end())
      start = end + 1
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
    return lines
  }

  /** The last line, where the stream ended without the end of a line; none where there is nothing left. */
  end(): string[] {
    // Whole bytes first: a character may be spread over two chunks.
    const line = Buffer.concat(this.#parts).toString('utf8')
    this.#parts = []
    this.#bytes = 0
    return line.trim() === '' ? [] : [line]
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.length
    if (this.#bytes > this.#maxBytes)
      throw new Error(`a line of the stream has more than ${this.#maxBytes} bytes, the most that is taken`)
    this.#parts.push(part)
  }
}
