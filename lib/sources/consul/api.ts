/** What is asked of Consul's HTTP API: the instances of a service, at once or when they have changed. */
import { readFile } from 'node:fs/promises'
import type { Dispatcher } from 'undici'
import { reasonOf } from '../../runtime/foreign.js'
import { readText, withCause } from '../answer.js'
import { refusalError } from '../backoff.js'
import { Connection } from '../connection.js'
import type { ResolvedConsul } from './options.js'

const MAX_ANSWER_BYTES = 32 * 2 ** 20
const MAX_REFUSAL_BYTES = 64 * 1024
const MAX_MESSAGE_LENGTH = 300
/** An index is a number of 64 bits. */
const INDEX = /^\d{1,20}$/
/** What a header may hold, and tokens do. */
const TOKEN = /^[!-~]{1,1024}$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]+/g

export interface InstancesAnswer {
  /** What was answered, as JSON reads it. */
  readonly instances: unknown
  /** To wait for changes since. */
  readonly index: bigint
}

export class HealthApi {
  /** Origin and path: what is asked is called so in messages. */
  readonly name: string
  readonly #options: ResolvedConsul
  readonly #server: URL
  readonly #path: string
  readonly #connection: Connection

  constructor(options: ResolvedConsul) {
    this.#options = options
    this.#server = new URL(options.server)
    this.#path = `${this.#server.pathname.replace(/\/+$/, '')}/v1/health/service/${encodeURIComponent(options.service)}`
    this.name = `${this.#server.origin}${this.#path}`
    this.#connection = new Connection(async ({ protocol }) =>
      options.caFile === undefined || protocol === 'http:'
        ? {}
        : { ca: await readFile(options.caFile, 'utf8') },
    )
  }

  /** All instances: at once, or as soon as they differ from what they were at `since`, after `wait` at the latest. */
  async ask(since: bigint | undefined, signal: AbortSignal): Promise<InstancesAnswer> {
    const token = await this.#readToken()
    const { statusCode, headers, body } = await this.#get(since, token, signal)
    if (statusCode !== 200) {
      const text = await readText(this.name, body, MAX_REFUSAL_BYTES, signal).catch(() => '')
      const message = `${this.name} answers ${statusCode}: ${excerpt(text, token)}${this.#hint(statusCode)}`
      throw refusalError(message, statusCode, headers['retry-after'])
    }
    const text = await readText(this.name, body, MAX_ANSWER_BYTES, signal)
    const instances = this.#parse(text)
    const isFiltered = headers['x-consul-results-filtered-by-acls'] === 'true'
    if (isFiltered && Array.isArray(instances) && instances.length === 0)
      throw new Error(`${this.name} hides all that it has${this.#hint(403)}`)
    return { instances, index: this.#indexOf(headers['x-consul-index']) }
  }

  /** The next request opens a connection of its own. */
  hangUp(): void {
    this.#connection.hangUp()
  }

  async #get(
    since: bigint | undefined,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const headers = { accept: 'application/json', ...(token !== undefined && { 'x-consul-token': token }) }
    const path = `${this.#path}?${this.#query(since)}`
    try {
      return await this.#connection.request(this.#server, {
        method: 'GET',
        path,
        headers,
        signal,
        isBackground: since !== undefined,
      })
    } catch (error) {
      throw signal.aborted ? signal.reason : withCause(`${this.name} cannot be asked`, error)
    }
  }

  #query(since: bigint | undefined): URLSearchParams {
    const { passing, datacenter, tag, wait } = this.#options
    return new URLSearchParams({
      ...(passing && { passing: '1' }),
      ...(datacenter !== undefined && { dc: datacenter }),
      ...(tag !== undefined && { tag }),
      ...(since !== undefined && { index: String(since), wait: `${wait}ms` }),
    })
  }

  async #readToken(): Promise<string | undefined> {
    const { tokenFile } = this.#options
    if (tokenFile === undefined) return undefined
    const token = await readFile(tokenFile, 'utf8').catch((error: unknown) => {
      throw new Error(`the token for ${this.#server.origin} cannot be read: ${reasonOf(error)}`, {
        cause: error,
      })
    })
    const trimmed = token.trim()
    if (TOKEN.test(trimmed)) return trimmed
    throw new Error(
      `${tokenFile} holds no token: 1 to 1,024 printable characters without spaces are wanted, and nothing else`,
    )
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (error) {
      throw withCause(`${this.name} answers with no JSON`, error)
    }
  }

  #indexOf(header: unknown): bigint {
    if (typeof header !== 'string' || !INDEX.test(header))
      throw new Error(
        `${this.name} answers without a number in X-Consul-Index; is it Consul, and nothing before it that takes headers away?`,
      )
    return BigInt(header)
  }

  #hint(statusCode: number): string {
    if (statusCode !== 401 && statusCode !== 403) return ''
    const { service, tokenFile } = this.#options
    const sent =
      tokenFile === undefined ? 'no token was sent, name one by `tokenFile`' : `it was read from ${tokenFile}`
    return `; the token needs service:read on ${JSON.stringify(service)} and node:read on its nodes (${sent})`
  }
}

/** What a server says in an error, made fit for a log: short, of one line, without the token. */
function excerpt(text: string, token: string | undefined): string {
  const line = text.replace(CONTROL, ' ').trim()
  const safe = token === undefined ? line : line.replaceAll(token, '***')
  return safe.slice(0, MAX_MESSAGE_LENGTH) || 'no message'
}
