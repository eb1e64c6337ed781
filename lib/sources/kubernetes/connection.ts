/** The connection to the API server. */
import type { Socket } from 'node:net'
import type { buildConnector, Client, Dispatcher } from 'undici'
import { loadUndici } from '../../runtime/lazy.js'
import { readAuthority } from './in-cluster.js'
import type { ResolvedKubernetes } from './options.js'

const CONNECT_MS = 10_000

/**
 * One connection, opened with the first request and anew after `hangUp`; then the certificate authority is read again. Requests
 * go one after another. It sets no limits of time: whoever asks does, by the signal.
 */
export class Connection {
  readonly #options: ResolvedKubernetes
  #client: Client | undefined
  #socket: Socket | undefined

  constructor(options: ResolvedKubernetes) {
    this.#options = options
  }

  /** Rejects with the signal's reason, or with what went wrong. */
  async get(
    server: URL,
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    this.#client ??= await this.#open(server, signal)
    signal.throwIfAborted()
    return this.#client.request({ method: 'GET', path, headers, signal })
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

  async #open(server: URL, signal: AbortSignal): Promise<Client> {
    const ca = await readAuthority(this.#options, server)
    signal.throwIfAborted()
    const { buildConnector, Client } = loadUndici()
    const open = buildConnector({ ca, timeout: CONNECT_MS })
    const connect: buildConnector.connector = (target, callback) =>
      open(target, (...[error, socket]) => {
        if (error !== null) return callback(error, null)
        this.#socket = socket
        callback(null, socket)
      })
    return new Client(server.origin, { connect, headersTimeout: 0, bodyTimeout: 0 })
  }
}
