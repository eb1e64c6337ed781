import type { Duplex } from 'node:stream'
import type { Pool } from 'undici'
import type { ResolvedClient } from '../connections/options.js'
import type { Endpoint } from '../model/index.js'
import { givenTo } from '../runtime/dispatchers.js'
import { loadUndici } from '../runtime/lazy.js'
import { watchedConnections } from './connector.js'
import { connectionOf } from './idle-close.js'
import { type Source, Transport } from './transport.js'

/** What a service's requests need of its connections. */
export interface ServiceTransports {
  /** Where to send the requests of an endpoint. Throws as `Transports.to`. */
  to(endpoint: Endpoint): Pick<Transport, 'dispatcher' | 'isPool'>
  /** Whether requests may have to wait for a connection. */
  readonly isLimited: boolean
  /** Whether a request to the endpoint that was not sent yet waits for one of the connections that are allowed. */
  isQueued(endpoint: Endpoint): boolean
  /** Whether an error tells of the same loss of a connection as one before. */
  isSameLoss(error: Error): boolean
  configure(client: ResolvedClient): void
  /** What is known of each endpoint's connections, by URL. */
  readonly stats: Record<string, unknown>
  hold(socket: Duplex): void
  forget(url: string): void
  close(): Promise<void>
  destroy(): Promise<void>
}

/** The connections of one service: an undici `Pool` an endpoint, or a dispatcher of the user's, made when it is first chosen. */
export class Transports implements ServiceTransports {
  readonly #service: string
  readonly #open = new Map<string, Transport>()
  /** Of endpoints that left, or of earlier options: their requests in flight finish. */
  readonly #closing = new Map<Transport, Promise<void>>()
  /** Upgraded connections: undici has let go of them. */
  readonly #upgraded = new Set<Duplex>()
  /** Connections whose end was told. */
  readonly #lost = new WeakSet<object>()
  #options: Pool.Options
  #optionsText: string
  /** What the user gave for all endpoints. */
  #source: Source | undefined

  constructor(service: string, client: ResolvedClient) {
    this.#service = service
    this.#options = poolOptions(client)
    this.#optionsText = textOf(this.#options)
    this.#source = givenTo(client) ?? client.dispatcher
  }

  /**
   * Where to send the requests of an endpoint.
   * @throws ConfigError, ArgumentError, or what a factory of the user's throws
   */
  to(endpoint: Endpoint): Transport {
    const known = this.#open.get(endpoint.url)
    return known !== undefined && known.source === this.#sourceOf(endpoint) ? known : this.#connect(endpoint)
  }

  /** Whether requests may have to wait for a connection. */
  get isLimited(): boolean {
    return Boolean(this.#options.connections)
  }

  /** Whether a request to the endpoint that was not sent yet waits for one of the connections that are allowed. */
  isQueued({ url }: Endpoint): boolean {
    const { connections } = this.#options
    const stats = connections ? (this.#open.get(url)?.stats as Pool['stats'] | undefined) : undefined
    return stats !== undefined && Math.max(stats.connected, stats.size - 1) >= (connections as number)
  }

  /**
   * Whether an error tells of the same loss of a connection as one before: a connection of HTTP/2 carries many requests,
   * and takes all of them along.
   */
  isSameLoss(error: Error): boolean {
    const connection = connectionOf(error)
    if (connection === undefined) return false
    if (this.#lost.has(connection)) return true
    this.#lost.add(connection)
    return false
  }

  /** Takes over new client options: requests in flight finish on the old connections. */
  configure(client: ResolvedClient): void {
    const options = poolOptions(client)
    const text = textOf(options)
    this.#source = givenTo(client) ?? client.dispatcher
    if (text === this.#optionsText) return
    this.#options = options
    this.#optionsText = text
    void this.close()
  }

  /** What undici says of each endpoint's connections, by URL. */
  get stats(): Record<string, unknown> {
    return Object.fromEntries(Array.from(this.#open, ([url, { stats }]) => [url, stats]))
  }

  /** Takes charge of an upgraded connection until it closes. */
  hold(socket: Duplex): void {
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
  }

  /** Closes the connections to an endpoint once its requests in flight have ended. */
  forget(url: string): void {
    const transport = this.#open.get(url)
    this.#open.delete(url)
    if (transport !== undefined) this.#finish(transport)
  }

  /** Resolves when all requests in flight have ended and all upgraded connections have closed. */
  async close(): Promise<void> {
    for (const transport of this.#open.values()) this.#finish(transport)
    this.#open.clear()
    await Promise.all(this.#closing.values())
    // After that, since a request in flight may have been upgraded meanwhile.
    await Promise.all(this.#upgradedClosed())
  }

  /** Cuts off all that is still open. */
  async destroy(): Promise<void> {
    const transports = [...this.#open.values(), ...this.#closing.keys()]
    this.#open.clear()
    const closed = this.#upgradedClosed()
    for (const socket of this.#upgraded) socket.destroy()
    await Promise.all([...transports.map((transport) => transport.destroy()), ...closed])
  }

  #finish(transport: Transport): void {
    this.#closing.set(
      transport,
      transport.close().then(() => void this.#closing.delete(transport)),
    )
  }

  #upgradedClosed(): Promise<void>[] {
    return Array.from(
      this.#upgraded,
      (socket) => new Promise((resolve) => socket.once('close', () => resolve())),
    )
  }

  #sourceOf(endpoint: Endpoint): Source | undefined {
    return givenTo(endpoint) ?? this.#source
  }

  #connect(endpoint: Endpoint): Transport {
    const source = this.#sourceOf(endpoint)
    const transport =
      source === undefined
        ? new Transport(new (loadUndici().Pool)(endpoint.url, watchedConnections(this.#options)), undefined)
        : Transport.of(source, this.#service, endpoint, this.#options)
    this.forget(endpoint.url)
    this.#open.set(endpoint.url, transport)
    return transport
  }
}

/** What undici knows of the client options. */
function poolOptions({
  host: _,
  allowPlaintext: __,
  dispatcher: ___,
  ...pool
}: ResolvedClient): Pool.Options {
  return pool
}

/** Keys (Buffers) and functions count by their text: enough to tell whether anything changed. */
const textOf = (options: Pool.Options): string =>
  JSON.stringify(options, (_key, value: unknown) => (typeof value === 'function' ? String(value) : value)) ??
  ''
