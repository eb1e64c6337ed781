import type { Socket } from 'node:net'
import type { buildConnector, Client, Dispatcher } from 'undici'
import type { Endpoint } from '../../model/index.js'
import { loadUndici } from '../../runtime/lazy.js'

/**
 * The connection that HTTP checks of one endpoint go over: kept open between checks, as the requests' own are, and
 * thrown away with all its sockets after a check that was given up. undici alone would leave a socket that is
 * still connecting to its connect time-out.
 */
export class HttpConnection {
  readonly url: string
  connected = false
  /** An answer has come over the present connection: should it turn out closed, then perhaps it was merely idle for too long. */
  answered = false
  readonly #client: Client
  readonly #sockets = new Set<Socket>()

  /** @param options for undici's `Client` */
  constructor(endpoint: Endpoint, connector: buildConnector.connector, options: Client.Options) {
    this.url = endpoint.url
    const connect = (target: buildConnector.Options, callback: buildConnector.Callback): unknown => {
      // undici's connector returns the socket at once, though its types hide it; a user's own may not.
      const socket = connector(target, callback) as unknown as Socket | undefined
      this.#track(socket)
      return socket
    }
    this.#client = new (loadUndici().Client)(endpoint.url, {
      ...options,
      connect: connect as buildConnector.connector,
    })
    this.#client.on('connect', () => {
      this.connected = true
      this.answered = false
    })
    this.#client.on('disconnect', () => {
      this.connected = false
    })
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(options, handler)
  }

  /** Ends the request under way with an error. Resolves when every socket has closed; never rejects. */
  async destroy(): Promise<void> {
    const closed = [...this.#sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    )
    this.#client.destroy().catch(() => {})
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }

  #track(socket: Socket | undefined): void {
    if (typeof socket?.once !== 'function') return
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
