/** The connection of a source to its server. */
import type { Socket } from 'node:net'
import type { buildConnector, Client, Dispatcher } from 'undici'
import { loadUndici } from '../runtime/lazy.js'

const CONNECT_MS = 10_000

export interface Ask {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** It may take minutes, and does not keep the process alive meanwhile. */
  readonly isLong?: boolean
}

/**
 * One connection, opened with the first request and anew after `hangUp`; then the certificate authority is read again. Requests
 * go one after another. It sets no limits of time: whoever asks does, by the signal.
 */
export class Connection {
  readonly #readAuthority: (server: URL) => Promise<string | undefined>
  #client: Client | undefined
  #socket: Socket | undefined
  #isLong = false

  /** @param readAuthority what certificates are checked against; undefined: the authorities that Node knows */
  constructor(readAuthority: (server: URL) => Promise<string | undefined> = async () => undefined) {
    this.#readAuthority = readAuthority
  }

  /** Rejects with the signal's reason, or with what went wrong. */
  async get(server: URL, { path, headers, signal, isLong = false }: Ask): Promise<Dispatcher.ResponseData> {
    this.#client ??= await this.#open(server, signal)
    signal.throwIfAborted()
    this.#isLong = isLong
    const answering = this.#client.request({ method: 'GET', path, headers: { ...headers }, signal })
    if (isLong) this.unref()
    return answering
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
    const ca = await this.#readAuthority(server)
    signal.throwIfAborted()
    const { buildConnector, Client } = loadUndici()
    const open = buildConnector({ ca, timeout: CONNECT_MS })
    const connect: buildConnector.connector = (target, callback) =>
      open(target, (...[error, socket]) => {
        if (error !== null) return callback(error, null)
        this.#socket = socket
        if (this.#isLong) socket.unref()
        callback(null, socket)
      })
    return new Client(server.origin, { connect, headersTimeout: 0, bodyTimeout: 0 })
  }
}
