/** The connection of a source to its server. */
import type { Socket } from 'node:net'
import type { buildConnector, Client, Dispatcher } from 'undici'
import { loadUndici } from '../runtime/lazy.js'
import { aborting } from './aborting.js'

const CONNECT_MS = 10_000

/** What TLS takes, as PEM. Where there is no `ca`, certificates are checked against the authorities that Node knows. */
export interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface ConnectionRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly signal: AbortSignal
  /** It does not keep the process alive. */
  readonly isBackground?: boolean
}

/**
 * One connection to one server, opened with the first request and anew after `hangUp`; then the files of TLS are read again.
 * Requests go one after another. It sets no limits of time: whoever asks does, by the signal.
 */
export class Connection {
  readonly #readTls: (server: URL) => Promise<TlsOptions>
  #client: Client | undefined
  #socket: Socket | undefined

  constructor(readTls: (server: URL) => Promise<TlsOptions>) {
    this.#readTls = readTls
  }

  /** Rejects with the signal's reason, or with what went wrong. */
  async request(server: URL, request: ConnectionRequest): Promise<Dispatcher.ResponseData> {
    const { method, path, headers, body, signal, isBackground = false } = request
    this.#client ??= await this.#open(server, signal, isBackground)
    signal.throwIfAborted()
    const answer = this.#client.request({ method, path, headers, body, signal })
    if (isBackground) this.unref()
    // While a connection is being opened undici does not heed the signal: an address that says nothing would take all of CONNECT_MS.
    return aborting(answer, signal)
  }

  /**
   * The request that is under way does not keep the process alive any more. undici lets a socket do so from the beginning of a
   * request on, and says so once for each request.
   */
  unref(): void {
    this.#socket?.unref()
  }

  /** Cuts off what is under way. */
  hangUp(): void {
    void this.#client?.destroy().catch(() => {})
    this.#client = undefined
    this.#socket = undefined
  }

  async #open(server: URL, signal: AbortSignal, isBackground: boolean): Promise<Client> {
    const tls = await this.#readTls(server)
    signal.throwIfAborted()
    const { buildConnector, Client } = loadUndici()
    const open = buildConnector({ ...tls, timeout: CONNECT_MS })
    const connect: buildConnector.connector = (target, callback) => {
      const opening: unknown = open(target, (...[error, socket]) => {
        if (error !== null) return callback(error, null)
        this.#socket = socket
        callback(null, socket)
      })
      // What waits for an address that does not answer must not keep the process alive either.
      if (isBackground) (opening as Socket | undefined)?.unref?.()
    }
    return new Client(server.origin, { connect, headersTimeout: 0, bodyTimeout: 0 })
  }
}
