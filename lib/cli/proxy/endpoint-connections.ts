/** The connections of one service to its endpoints over Node's own HTTP client, which costs half of what undici does on large bodies. */
import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Handler } from '../../clients/handler.js'
import type { Way } from '../../clients/transport.js'
import { type AllowanceOf, type ServiceTransports, Transports } from '../../clients/transports.js'
import type { ResolvedClient } from '../../connections/options.js'
import { NO_CONNECTIONS } from '../../connections/pool.js'
import type { ConnectionCounts, Endpoint } from '../../model/index.js'
import { loadUndici } from '../../runtime/lazy.js'
import { type EndpointOptions, endpointOptions } from './endpoint-options.js'
import { EndpointRequest } from './endpoint-request.js'
import { keepingAgent } from './keeping-agent.js'

/** Time-outs are looked for so many times in the shortest of them, within bounds. */
const CHECKS_IN_A_TIMEOUT = 8
const MIN_CHECK_MS = 20
const MAX_CHECK_MS = 1000

/** What a service's requests go over: HTTP/1.1 by Node's client, or undici where the service may speak HTTP/2. */
export const openConnections = (
  service: string,
  client: ResolvedClient,
  allowanceOf?: AllowanceOf,
): ServiceTransports =>
  client.allowH2 === true ? new Transports(service, client, allowanceOf) : new EndpointConnections(client)

/** The connections to each endpoint, made when it is first chosen. As `Transports`, which it stands for. */
export class EndpointConnections implements ServiceTransports {
  readonly #pools = new Map<string, EndpointPool>()
  /** Of endpoints that left, or of earlier options: their requests in flight finish. */
  readonly #closing = new Set<EndpointPool>()
  /** Upgraded connections: no pool knows them any more. */
  readonly #upgraded = new Set<Duplex>()
  #client: ResolvedClient
  #text: string

  constructor(client: ResolvedClient) {
    this.#client = client
    this.#text = JSON.stringify(client)
  }

  to(endpoint: Endpoint): Way {
    let pool = this.#pools.get(endpoint.url)
    if (pool === undefined) {
      pool = new EndpointPool(endpoint.url, this.#client)
      this.#pools.set(endpoint.url, pool)
    }
    return { pool: undefined, dispatcher: pool as unknown as Dispatcher, isOurs: true }
  }

  get isLimited(): boolean {
    return Boolean(this.#client.connections)
  }

  isQueued({ url }: Endpoint): boolean {
    const { connections } = this.#client
    return connections !== undefined && (this.#pools.get(url)?.inFlight ?? 0) > connections
  }

  get stats(): Record<string, unknown> {
    return Object.fromEntries(Array.from(this.#pools, ([url, { inFlight }]) => [url, { running: inFlight }]))
  }

  counts(url: string): ConnectionCounts {
    return this.#pools.get(url)?.counts ?? NO_CONNECTIONS
  }

  configure(client: ResolvedClient): void {
    const text = JSON.stringify(client)
    if (text === this.#text) return
    this.#client = client
    this.#text = text
    void this.close()
  }

  hold(socket: Duplex): void {
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
  }

  forget(url: string): void {
    const pool = this.#pools.get(url)
    this.#pools.delete(url)
    if (pool !== undefined) void this.#finish(pool)
  }

  async close(): Promise<void> {
    for (const pool of this.#pools.values()) void this.#finish(pool)
    this.#pools.clear()
    await Promise.all(Array.from(this.#closing, (pool) => pool.close()))
    await Promise.all(this.#upgradedClosed())
  }

  async destroy(): Promise<void> {
    const pools = [...this.#pools.values(), ...this.#closing]
    this.#pools.clear()
    const closed = this.#upgradedClosed()
    for (const socket of this.#upgraded) socket.destroy()
    for (const pool of pools) pool.destroy()
    await Promise.all(closed)
  }

  async #finish(pool: EndpointPool): Promise<void> {
    this.#closing.add(pool)
    await pool.close()
    this.#closing.delete(pool)
  }

  #upgradedClosed(): Promise<void>[] {
    return Array.from(
      this.#upgraded,
      (socket) => new Promise((resolve) => socket.once('close', () => resolve())),
    )
  }
}

/** The connections to one endpoint. */
class EndpointPool {
  readonly #options: EndpointOptions
  readonly #agent: HttpAgent | HttpsAgent
  readonly #requests = new Set<EndpointRequest>()
  readonly #checkMs: number
  /** Runs while there are requests. */
  #checks: NodeJS.Timeout | undefined
  #closed: Promise<void> | undefined
  #idle: (() => void) | undefined

  constructor(url: string, client: ResolvedClient) {
    this.#options = endpointOptions(url, client)
    this.#agent = keepingAgent(this.#options)
    const { headersTimeout, bodyTimeout, connectTimeout } = this.#options
    const limits = [headersTimeout, bodyTimeout, connectTimeout].filter((ms) => ms > 0)
    this.#checkMs = Math.min(Math.max(Math.min(...limits) / CHECKS_IN_A_TIMEOUT, MIN_CHECK_MS), MAX_CHECK_MS)
  }

  /** Requests, those that wait for a connection included. */
  get inFlight(): number {
    return this.#requests.size
  }

  get counts(): ConnectionCounts {
    const { sockets, freeSockets, requests } = this.#agent
    const used = Object.values(sockets).flatMap((ones) => ones ?? [])
    const connecting = used.filter((socket) => socket.connecting).length
    const idle = lengthOf(freeSockets)
    return { open: used.length - connecting + idle, idle, connecting, waiting: lengthOf(requests) }
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    const request = new EndpointRequest(this.#options, this.#agent, handler, () => {
      this.#requests.delete(request)
      if (this.#requests.size === 0) this.#idle?.()
    })
    this.#requests.add(request)
    this.#checks ??= setInterval(() => this.#check(), this.#checkMs).unref()
    request.send(options)
    return true
  }

  #check(): void {
    const nowMs = performance.now()
    for (const request of this.#requests) request.check(nowMs)
    if (this.#requests.size > 0) return
    clearInterval(this.#checks)
    this.#checks = undefined
  }

  /** Resolves when the requests in flight have ended. */
  close(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => {
      this.#idle = resolve
      if (this.#requests.size === 0) resolve()
    }).then(() => this.#agent.destroy())
    return this.#closed
  }

  destroy(): void {
    for (const request of this.#requests) request.abort(new (loadUndici().errors.ClientDestroyedError)())
    this.#agent.destroy()
  }
}

/** Of all lists together. */
const lengthOf = (lists: Readonly<Record<string, readonly unknown[] | undefined>>): number =>
  Object.values(lists).reduce((sum, list) => sum + (list?.length ?? 0), 0)
