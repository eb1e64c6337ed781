/**
 * Reads a stream of server-sent events (HTML standard, 9.2.6), in bounds. By hand: eventsource-parser 3 makes an error for each
 * field that it does not know, so that 64 KiB of such lines hold the thread for 200 ms.
 */
const LINE_END = /\r\n|\r|\n/g
const COLON = ':'
const RETRY = /^\d{1,15}$/
/** What a header may hold. */
const EVENT_ID = /^[ -~]{0,256}$/

/** What one chunk has brought. */
export interface Heard {
  /** The data of the last `message` that ended in it: each says all, so that the earlier ones are of no interest. */
  readonly data: string | undefined
  /** A comment has come, or an event of any kind: whoever sends is alive. */
  readonly isAlive: boolean
}

export class EventReader {
  /** Of the last event that has one; empty: none. */
  lastEventId = ''
  /** How long the server wants a client to wait before it comes back, ms. */
  retryMs: number | undefined
  readonly #maxLength: number
  readonly #decoder = new TextDecoder()
  /** A line feed at the begin of the next chunk belongs to the last line's end. */
  #hasEndedWithReturn = false
  /** The begin of the line that has not ended yet, and its length. */
  #parts: string[] = []
  #lineLength = 0
  /** Of the event that has not ended yet. */
  #type = ''
  #data: string[] = []
  #dataLength = 0
  #id: string | undefined
  #heard: { data: string | undefined; isAlive: boolean } = { data: undefined, isAlive: false }

  /** @param maxLength characters of one event */
  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  /** Throws where an event is too long. */
  push(chunk: Uint8Array): Heard {
    this.#heard = { data: undefined, isAlive: false }
    const text = this.#decoder.decode(chunk, { stream: true })
    if (text === '') return this.#heard
    let start = this.#hasEndedWithReturn && text.startsWith('\n') ? 1 : 0
    this.#hasEndedWithReturn = text.endsWith('\r')
    LINE_END.lastIndex = start
    for (let end = LINE_END.exec(text); end !== null; end = LINE_END.exec(text)) {
      this.#keep(text.slice(start, end.index))
      this.#endLine()
      start = LINE_END.lastIndex
    }
    this.#keep(text.slice(start))
    return this.#heard
  }

  #keep(part: string): void {
    if (part === '') return
    this.#parts.push(part)
    this.#lineLength += part.length
    if (this.#lineLength + this.#dataLength > this.#maxLength)
      throw new Error(`an event has more than ${this.#maxLength} characters, the most that are taken`)
  }

  #endLine(): void {
    const line = this.#parts.length === 1 ? this.#parts[0] : this.#parts.join('')
    this.#parts = []
    this.#lineLength = 0
    if (line === '') return this.#endEvent()
    const colon = line.indexOf(COLON)
    if (colon === 0) {
      this.#heard.isAlive = true
      return
    }
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
    this.#setField(field, value)
  }

  #setField(field: string, value: string): void {
    if (field === 'data') {
      this.#data.push(value)
      // And the end of the line, so that lines without anything are not without bounds.
      this.#dataLength += value.length + 1
    } else if (field === 'event') this.#type = value
    else if (field === 'id' && EVENT_ID.test(value)) this.#id = value
    else if (field === 'retry' && RETRY.test(value)) this.retryMs = Number(value)
  }

  #endEvent(): void {
    if (this.#id !== undefined) this.lastEventId = this.#id
    if (this.#data.length > 0) {
      this.#heard.isAlive = true
      if (this.#type === '' || this.#type === 'message') this.#heard.data = this.#data.join('\n')
    }
    this.#id = undefined
    this.#type = ''
    this.#data = []
    this.#dataLength = 0
  }
}
