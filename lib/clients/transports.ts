import type { Duplex } from 'node:stream'
import type { Pool } from 'undici'
import type { Allowance } from '../connections/allowance.js'
import type { PoolOptions } from '../connections/connector.js'
import type { ResolvedClient } from '../connections/options.js'
import { NO_CONNECTIONS } from '../connections/pool.js'
import type { ConnectionCounts, Endpoint } from '../model/index.js'
import { givenTo } from '../runtime/dispatchers.js'
import { type Source, Transport, type Way } from './transport.js'

/** What the connections to an endpoint are allowed, by its slot. */
export type AllowanceOf = (slot: number, id: string) => Allowance

/** What a service's requests need of its connections. */
export interface ServiceTransports {
  /** What carries the requests to an endpoint. Throws as `Transports.to`. */
  to(endpoint: Endpoint, slot: number): Way
  /** Whether requests may wait in a dispatcher for one of the connections that are allowed. */
  readonly isLimited?: boolean
  /** Whether one that was not sent yet does so. */
  isQueued?(endpoint: Endpoint): boolean
  configure(client: ResolvedClient): void
  /** What is known of each endpoint's connections, by URL. */
  readonly stats: Record<string, unknown>
  /** Connections to the endpoint with this URL. */
  counts(url: string): ConnectionCounts
  hold(socket: Duplex): void
  forget(url: string): void
  close(): Promise<void>
  destroy(): Promise<void>
}

/** The ways to the endpoints of one service, each made when it is first chosen. */
export class Transports implements ServiceTransports {
  readonly #service: string
  readonly #allowanceOf: AllowanceOf | undefined
  readonly #open = new Map<string, Transport>()
  /** Of endpoints that left, or of earlier options: their requests in flight finish. */
  readonly #closing = new Map<Transport, Promise<void>>()
  /** Upgraded connections: undici has let go of them. */
  readonly #upgraded = new Set<Duplex>()
  #options: PoolOptions
  #optionsText: string
  /** What the user gave for all endpoints. */
  #source: Source | undefined

  constructor(service: string, client: ResolvedClient, allowanceOf?: AllowanceOf) {
    this.#service = service
    this.#allowanceOf = allowanceOf
    this.#options = poolOptions(client)
    this.#optionsText = textOf(this.#options)
    this.#source = givenTo(client) ?? client.dispatcher
  }

  /**
   * Where to send the requests of an endpoint.
   * @throws ConfigError, ArgumentError, or what a factory of the user's throws
   */
  to(endpoint: Endpoint, slot: number): Transport {
    const known = this.#open.get(endpoint.url)
    return known !== undefined && known.source === this.#sourceOf(endpoint)
      ? known
      : this.#connect(endpoint, slot)
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

  /** In undici's words. */
  get stats(): Record<string, unknown> {
    return Object.fromEntries(Array.from(this.#open, ([url, { stats }]) => [url, stats]))
  }

  counts(url: string): ConnectionCounts {
    return this.#open.get(url)?.counts ?? NO_CONNECTIONS
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

  #connect(endpoint: Endpoint, slot: number): Transport {
    const source = this.#sourceOf(endpoint)
    const transport =
      source === undefined
        ? Transport.open(endpoint.url, this.#options, this.#allowanceOf?.(slot, endpoint.id))
        : Transport.of(source, this.#service, endpoint, undiciOptions(this.#options))
    this.forget(endpoint.url)
    this.#open.set(endpoint.url, transport)
    return transport
  }
}

function poolOptions(client: ResolvedClient): PoolOptions {
  const { host: _, allowPlaintext: __, dispatcher: ___, deadlineHeader: ____, ...pool } = client
  return pool
}

/** What undici knows of them. */
function undiciOptions({ maxConnectionAgeMs: _, ...options }: PoolOptions): Pool.Options {
  return options
}

/** Keys (Buffers) and functions count by their text: enough to tell whether anything changed. */
const textOf = (options: PoolOptions): string =>
  JSON.stringify(options, (_key, value: unknown) => (typeof value === 'function' ? String(value) : value)) ??
  ''
