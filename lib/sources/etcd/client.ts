/** Calls of etcd's JSON gateway (v3), at whichever member of the cluster answers. */
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { reasonOf } from '../../runtime/foreign.js'
import type { Timers } from '../../runtime/timers.js'
import { Connection } from '../connection.js'
import { parseAnswer, readBody, refusalOf } from './answer.js'
import { RefusedError, TokenError } from './errors.js'
import type { EtcdAnswer } from './etcd-answer.js'
import type { EtcdAccess } from './options.js'
import { EtcdToken } from './token.js'

/** A page of keys with values that are far from usual. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20

export interface CallOptions {
  readonly signal?: AbortSignal
  /** It does not keep the process alive. */
  readonly isBackground?: boolean
}

interface Server {
  readonly url: URL
  readonly connection: Connection
}

/** A stream of lines that goes on until it is closed. */
export interface EtcdStream {
  readonly name: string
  readonly body: Readable
  close(): void
}

export class EtcdClient {
  readonly #options: EtcdAccess
  readonly #timers: Timers
  readonly #servers: readonly Server[]
  readonly #token: EtcdToken
  /** Of the server that is asked; by chance at first, so that not all ask the same one. */
  #current: number

  constructor(options: EtcdAccess, timers: Timers) {
    this.#options = options
    this.#timers = timers
    this.#servers = options.servers.map((server) => ({
      url: new URL(server),
      connection: this.#connect(),
    }))
    this.#current = Math.floor(timers.random() * this.#servers.length)
    this.#token = new EtcdToken(options)
  }

  /**
   * Asks one server after another until one answers; each has the configured time.
   * @param method as in the path of the gateway: `kv/range`
   * @throws RefusedError where a server has refused it: another one would, too
   */
  async call(method: string, message: object, options: CallOptions = {}): Promise<EtcdAnswer> {
    const failures: unknown[] = []
    for (const _ of this.#servers) {
      const server = this.#servers[this.#current]
      try {
        return await this.#withToken(server, options, (token) =>
          this.#ask(server, method, message, token, options),
        )
      } catch (error) {
        options.signal?.throwIfAborted()
        if (error instanceof RefusedError) throw error
        failures.push(error)
        server.connection.hangUp()
        this.#leave(server)
      }
    }
    if (failures.length === 1) throw failures[0]
    throw new Error(`no server of etcd answers: ${failures.map((one) => reasonOf(one)).join('; ')}`)
  }

  /** A call with an answer that goes on, at the server that answered last. It never keeps the process alive once it is there. */
  async stream(method: string, message: object, signal: AbortSignal): Promise<EtcdStream> {
    const server = this.#servers[this.#current]
    const options = { signal, isBackground: true }
    const connection = this.#connect()
    const ending = new AbortController()
    const close = (): void => {
      ending.abort()
      connection.hangUp()
    }
    try {
      const name = nameOf(server, method)
      const body = await this.#withToken(server, options, (token) =>
        this.#bounded(name, signal, (limited) =>
          this.#send({ ...server, connection }, method, message, token, {
            signal: AbortSignal.any([limited, ending.signal]),
            isBackground: true,
          }),
        ),
      )
      // Whoever reads it is told; who does not read on need not know.
      body.on('error', () => {})
      return { name, body, close }
    } catch (error) {
      close()
      throw error
    }
  }

  /** The next call goes to the next server. */
  leaveServer(): void {
    const server = this.#servers[this.#current]
    server.connection.hangUp()
    this.#leave(server)
  }

  /** Where the token is the reason of what was refused, a new one is needed. */
  forgetToken(): void {
    this.#token.forget()
  }

  close(): void {
    for (const { connection } of this.#servers) connection.hangUp()
  }

  #leave(server: Server): void {
    if (this.#servers[this.#current] === server) this.#current = (this.#current + 1) % this.#servers.length
  }

  #connect(): Connection {
    const { caFile, certFile, keyFile } = this.#options
    const read = async (path: string | undefined) =>
      path === undefined ? undefined : await readFile(path, 'utf8')
    return new Connection(async ({ protocol }) =>
      protocol === 'http:'
        ? {}
        : { ca: await read(caFile), cert: await read(certFile), key: await read(keyFile) },
    )
  }

  /** With a token that is got where there is none, and got anew, once, where it is not taken. */
  async #withToken<T>(
    server: Server,
    options: CallOptions,
    ask: (token: string | undefined) => Promise<T>,
  ): Promise<T> {
    const authenticate = (message: object) =>
      this.#ask(server, 'auth/authenticate', message, undefined, options)
    try {
      return await ask(await this.#token.get(authenticate))
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      if (this.#options.username === undefined)
        throw new TokenError(
          `${error.message}; name a user by \`username\` and \`passwordFile\``,
          error.grpcCode,
        )
      this.#token.forget()
      return await ask(await this.#token.get(authenticate))
    }
  }

  async #ask(
    server: Server,
    method: string,
    message: object,
    token: string | undefined,
    { signal, isBackground }: CallOptions,
  ): Promise<EtcdAnswer> {
    const name = nameOf(server, method)
    return this.#bounded(name, signal, async (limited) => {
      const body = await this.#send(server, method, message, token, { signal: limited, isBackground })
      const text = await readBody(body, MAX_ANSWER_BYTES, name)
      return { answer: parseAnswer(text, name), name }
    })
  }

  /** The body of an answer of 200. */
  async #send(
    { url, connection }: Server,
    method: string,
    message: object,
    token: string | undefined,
    { signal, isBackground }: CallOptions & { readonly signal: AbortSignal },
  ): Promise<Readable> {
    const { statusCode, body } = await connection.request(url, {
      method: 'POST',
      path: `/v3/${method}`,
      headers: {
        'content-type': 'application/json',
        // A member that has lost its leader ends a stream instead of staying silent.
        'grpc-metadata-hasleader': 'true',
        ...(token !== undefined && { authorization: token }),
      },
      body: JSON.stringify(message),
      signal,
      isBackground,
    })
    if (statusCode === 200) return body
    const name = `${url.origin} (${method})`
    throw refusalOf(statusCode, await readBody(body, MAX_ANSWER_BYTES, name), name)
  }

  /** Gives up after the configured time, or when the caller does. What goes wrong names the server. */
  async #bounded<T>(
    name: string,
    outer: AbortSignal | undefined,
    ask: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { timeout } = this.#options
    const limit = new AbortController()
    const onAbort = (): void => limit.abort(outer?.reason)
    if (outer?.aborted) onAbort()
    outer?.addEventListener('abort', onAbort, { once: true })
    const late = this.#timers.after(timeout, () =>
      limit.abort(new Error(`${name} has not answered within ${timeout} ms`)),
    )
    try {
      return await ask(limit.signal)
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason
      if (error instanceof RefusedError || reasonOf(error).startsWith(name)) throw error
      throw new Error(`${name} cannot be asked: ${wordsOf(error)}`, { cause: error })
    } finally {
      late.cancel()
      outer?.removeEventListener('abort', onAbort)
    }
  }
}

const nameOf = ({ url }: Server, method: string): string => `${url.origin} (${method})`

/** Where all addresses of a host were tried, the error that sums it up has only a code. */
function wordsOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  return message || code || reasonOf(error)
}
