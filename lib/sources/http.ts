/**
 * Endpoints from a server: one that answers with a list of them is asked again and again, one that answers with a stream of
 * events is listened to.
 */
import type { Dispatcher } from 'undici'
import type { Timers } from '../runtime/timers.js'
import { chunksOf, readText, withCause } from './answer.js'
import { AskedToWaitError, refusalError } from './backoff.js'
import { Connection } from './connection.js'
import { EventReader } from './event-stream.js'
import { ListReader } from './list-reader.js'
import type { ResolvedHttp } from './options.js'
import { type GoOn, type LongLook, type Look, Poller } from './poller.js'
import type { RunningSource, SourceSink } from './source.js'

const MAX_BYTES = 64 * 2 ** 20
const MAX_EVENT_LENGTH = 16 * 2 ** 20
const ACCEPT = 'application/json, application/yaml;q=0.9, text/event-stream;q=0.9, */*;q=0.1'
const EVENT_STREAM = /^\s*text\/event-stream\s*(;|$)/i
/** The HTML standard advises a comment every 15 s. */
const SILENCE_MS = 60_000
/** Where a stream was ended without saying when to come back. */
const COME_BACK_MS = 1_000
/** Whatever the server says. */
const LEAST_COME_BACK_MS = 250
const MOST_COME_BACK_MS = 300_000

export function startHttp(options: ResolvedHttp, sink: SourceSink, timers: Timers): RunningSource {
  return new HttpSource(options, sink, timers)
}

class HttpSource implements RunningSource {
  readonly #options: ResolvedHttp
  readonly #sink: SourceSink
  readonly #url: URL
  readonly #connection = new Connection()
  readonly #reader: ListReader
  readonly #poller: Poller
  #etag: string | undefined
  /** Of the last event that has one and was taken: a server may send what came since, and nothing else. */
  #lastEventId = ''
  /** A list was taken, and nothing is wrong since. */
  #isKnown = false

  constructor(options: ResolvedHttp, sink: SourceSink, timers: Timers) {
    this.#options = options
    this.#sink = sink
    this.#url = new URL(options.url)
    this.#reader = new ListReader(timers)
    const polling = {
      intervalMs: options.interval,
      timeoutMs: options.timeout,
      look: (signal: AbortSignal, goOn: GoOn) => this.#look(signal, goOn),
      refused: () => {
        this.#etag = undefined
      },
    }
    this.#poller = new Poller(polling, sink, timers)
  }

  stop(): void {
    this.#poller.stop()
    this.#reader.stop()
    this.#connection.hangUp()
  }

  async #look(signal: AbortSignal, goOn: GoOn): Promise<Look | LongLook> {
    const answer = await this.#ask(signal)
    const { statusCode, headers: answered, body } = answer
    if (statusCode === 304 && this.#etag !== undefined) {
      await body.dump()
      return { endpoints: undefined }
    }
    if (statusCode !== 200) {
      await body.dump()
      const where =
        answered.location === undefined ? '' : `, to ${String(answered.location)}, which is not followed`
      const message = `${this.#name} answers ${statusCode}${where}; 200 is wanted`
      throw refusalError(message, statusCode, answered['retry-after'])
    }
    if (EVENT_STREAM.test(String(answered['content-type']))) return this.#listen(answer, signal, goOn)
    const endpoints = await this.#parse(await readText(this.#name, body, MAX_BYTES, signal), signal)
    const { etag } = answered
    this.#etag = typeof etag === 'string' ? etag : undefined
    return { endpoints }
  }

  /** Resolves when the server has ended the stream. */
  async #listen({ body }: Dispatcher.ResponseData, signal: AbortSignal, goOn: GoOn): Promise<LongLook> {
    const events = new EventReader(MAX_EVENT_LENGTH)
    const stillThere = (): void =>
      goOn(SILENCE_MS, `${this.#name} has sent no event and no comment for ${SILENCE_MS} ms`)
    this.#connection.unref()
    this.#etag = undefined
    stillThere()
    let hasMessages = false
    try {
      for await (const chunk of chunksOf(this.#name, body, signal)) {
        if (signal.aborted) break
        const { data, isAlive } = this.#read(events, chunk)
        if (isAlive) stillThere()
        if (data !== undefined) await this.#take(data, events.lastEventId, signal)
        else if (isAlive && this.#isKnown) this.#sink.unchanged()
        hasMessages ||= data !== undefined
      }
      if (!hasMessages && !this.#isKnown) throw new Error(`${this.#name} has ended its stream without a list`)
    } catch (error) {
      body.destroy()
      throw events.retryMs === undefined || signal.aborted
        ? error
        : new AskedToWaitError((error as Error).message, events.retryMs, { cause: error })
    }
    const nextMs = events.retryMs ?? COME_BACK_MS
    return { endpoints: 'told', nextMs: Math.min(Math.max(nextMs, LEAST_COME_BACK_MS), MOST_COME_BACK_MS) }
  }

  #read(events: EventReader, chunk: Uint8Array) {
    try {
      return events.push(chunk)
    } catch (error) {
      throw withCause(this.#name, error)
    }
  }

  /** One that is wrong does not end the stream: the next may mend it, and the same would come again. */
  async #take(data: string, eventId: string, signal: AbortSignal): Promise<void> {
    this.#isKnown = false
    let endpoints: readonly unknown[]
    try {
      endpoints = await this.#parse(data, signal)
    } catch (error) {
      if (signal.aborted) return
      this.#sink.failed(error)
      return
    }
    if (signal.aborted) return
    this.#isKnown = this.#sink.found(endpoints)
    this.#lastEventId = this.#isKnown ? eventId : ''
  }

  async #parse(text: string, signal: AbortSignal): Promise<readonly unknown[]> {
    try {
      return await this.#reader.read(text, signal)
    } catch (error) {
      throw new Error(`what ${this.#name} answers: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Without a path or a query, which may hold a secret. */
  get #name(): string {
    return this.#url.origin
  }

  async #ask(signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { pathname, search } = this.#url
    const headers = {
      accept: ACCEPT,
      ...this.#options.headers,
      ...(this.#etag !== undefined && { 'if-none-match': this.#etag }),
      ...(this.#lastEventId !== '' && { 'last-event-id': this.#lastEventId }),
    }
    try {
      return await this.#connection.request(this.#url, {
        method: 'GET',
        path: `${pathname}${search}`,
        headers,
        signal,
      })
    } catch (error) {
      throw signal.aborted ? signal.reason : withCause(`${this.#name} cannot be asked`, error)
    }
  }
}
