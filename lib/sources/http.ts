/** Endpoints from a server that answers with a list of them, asked again and again. */
import type { Agent, Dispatcher } from 'undici'
import { loadUndici } from '../runtime/lazy.js'
import type { Timers } from '../runtime/timers.js'
import { ListReader } from './list-reader.js'
import type { ResolvedHttp } from './options.js'
import { type Look, Poller } from './poller.js'
import type { RunningSource, SourceSink } from './source.js'

const MAX_BYTES = 64 * 2 ** 20
const ACCEPT = 'application/json, application/yaml;q=0.9, */*;q=0.1'

export function startHttp(options: ResolvedHttp, sink: SourceSink, timers: Timers): RunningSource {
  return new HttpSource(options, sink, timers)
}

class HttpSource implements RunningSource {
  readonly #options: ResolvedHttp
  readonly #agent: Agent
  readonly #reader: ListReader
  readonly #poller: Poller
  #etag: string | undefined

  constructor(options: ResolvedHttp, sink: SourceSink, timers: Timers) {
    this.#options = options
    // One connection of its own: what balances requests must not wait for what asks where to send them.
    this.#agent = new (loadUndici().Agent)({ connections: 1, maxResponseSize: MAX_BYTES })
    this.#reader = new ListReader(timers)
    const polling = {
      intervalMs: options.interval,
      timeoutMs: options.timeout,
      look: (signal: AbortSignal) => this.#look(signal),
      refused: () => {
        this.#etag = undefined
      },
    }
    this.#poller = new Poller(polling, sink, timers)
  }

  stop(): void {
    this.#poller.stop()
    this.#reader.stop()
    void this.#agent.destroy().catch(() => {})
  }

  async #look(signal: AbortSignal): Promise<Look> {
    const { statusCode, headers: answered, body } = await this.#ask(signal)
    if (statusCode === 304 && this.#etag !== undefined) {
      await body.dump()
      return { endpoints: undefined }
    }
    if (statusCode !== 200) {
      await body.dump()
      const where =
        answered.location === undefined ? '' : `, to ${String(answered.location)}, which is not followed`
      throw new Error(`${this.#name} answers ${statusCode}${where}; 200 is wanted`)
    }
    const text = await body.text()
    try {
      const endpoints = await this.#reader.read(text, signal)
      const { etag } = answered
      this.#etag = typeof etag === 'string' ? etag : undefined
      return { endpoints }
    } catch (error) {
      throw new Error(`what ${this.#name} answers: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Without a path or a query, which may hold a secret. */
  get #name(): string {
    return new URL(this.#options.url).origin
  }

  async #ask(signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { url, headers } = this.#options
    try {
      return await loadUndici().request(url, {
        dispatcher: this.#agent,
        headers: {
          accept: ACCEPT,
          ...headers,
          ...(this.#etag !== undefined && { 'if-none-match': this.#etag }),
        },
        signal,
      })
    } catch (error) {
      if (signal.aborted) throw error
      throw new Error(`${this.#name} cannot be asked: ${(error as Error).message}`, { cause: error })
    }
  }
}
