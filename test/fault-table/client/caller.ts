import type { Balancer } from 'fairlead'
import { monotonicMs } from '../clock.js'
import { ENDPOINT_HEADER, LENGTH_HEADER, REQUEST_ID } from '../endpoint/exchange.js'
import type { End, Look, RequestRecord } from './record.js'

const MS_PER_SECOND = 1_000
/** One request in this many is a POST. */
const POST_EVERY = 5
const FIRST_BAD_STATUS = 400
/** Requests before the load, enough for each endpoint to have a connection. */
const ONE_BY_ONE = 12

/** Sends requests at a constant rate whatever becomes of them (an open loop), and writes down how each ended. */
export class Caller {
  readonly records: RequestRecord[] = []
  readonly #balancer: Balancer
  readonly #url: string
  readonly #open = new Map<RequestRecord, AbortController>()
  readonly #lastGood = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(balancer: Balancer, url: string) {
    this.#balancer = balancer
    this.#url = url
  }

  /** First some requests one after the other, so that a cold start is no burst of connections; then the open loop. */
  async begin(perSecond: number): Promise<void> {
    for (let i = 0; i < ONE_BY_ONE; i++) await this.#send()
    const begun = monotonicMs()
    let sent = 0
    this.#timer = setInterval(() => {
      const due = Math.floor(((monotonicMs() - begun) * perSecond) / MS_PER_SECOND)
      for (; sent < due; sent++) void this.#send()
    }, MS_PER_SECOND / perSecond)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  look(): Look {
    const sentAt = [...this.#open.keys()].map((record) => record.sentAt)
    return {
      open: sentAt.length,
      youngestMs: monotonicMs() - Math.max(...sentAt),
      lastGood: Object.fromEntries(this.#lastGood),
    }
  }

  /** Gives up what is still open. */
  giveUp(): void {
    for (const [record, controller] of this.#open) {
      record.end = record.headersAt === undefined ? 'hung' : 'unfinished'
      controller.abort()
    }
    this.#open.clear()
  }

  async #send(): Promise<void> {
    const number = this.records.length
    const method = number % POST_EVERY === POST_EVERY - 1 ? 'POST' : 'GET'
    const record: RequestRecord = { id: String(number), method, sentAt: monotonicMs(), tries: 0 }
    const controller = new AbortController()
    this.records.push(record)
    this.#open.set(record, controller)
    let end: End
    try {
      const response = await this.#balancer.fetch(this.#url, {
        method,
        headers: { [REQUEST_ID]: record.id },
        body: method === 'POST' ? JSON.stringify({ number }) : undefined,
        signal: controller.signal,
      })
      record.headersAt = monotonicMs()
      record.status = response.status
      record.endpoint = response.headers.get(ENDPOINT_HEADER) ?? undefined
      const length = (await response.arrayBuffer()).byteLength
      const whole = response.headers.get(LENGTH_HEADER)
      end = whole === null || Number(whole) === length ? 'complete' : 'cut'
    } catch (error) {
      record.code = codeOf(error)
      end = record.headersAt === undefined ? 'failed' : 'broken'
    }
    // Given up before: what came after that is of our own making.
    if (!this.#open.delete(record)) return
    record.end = end
    const { endpoint, status, sentAt } = record
    if (end === 'complete' && endpoint !== undefined && status! < FIRST_BAD_STATUS)
      this.#lastGood.set(endpoint, Math.max(sentAt, this.#lastGood.get(endpoint) ?? 0))
  }
}

/** The innermost code, or name, of an error: `fetch` wraps what its connection says. */
function codeOf(error: unknown): string {
  let code = String((error as Error | null)?.name ?? error)
  let inner = error as { code?: unknown; cause?: unknown } | null | undefined
  while (typeof inner === 'object' && inner !== null) {
    if (typeof inner.code === 'string') return inner.code
    if (inner.cause instanceof Error) code = inner.cause.name
    inner = inner.cause as typeof inner
  }
  return code
}
