import type { Dispatcher } from 'undici'
import type { ConnectionCounts } from '../model/index.js'
import { loadUndici } from '../runtime/lazy.js'
import { jitteredAge } from './age.js'
import { type Allowance, type AllowedPool, UNBOUNDED } from './allowance.js'
import { Connection, type ConnectionOwner } from './connection.js'
import { type Connect, connectorOf, type PoolOptions } from './connector.js'
import { type Place, WaitingLine } from './waiting-line.js'

/** A try of a request, as the pool sees it. */
export interface Sendable {
  readonly options: Dispatcher.DispatchOptions
  /** A connection is there: the request is to be sent on it, now. */
  sendOn(connection: Connection): void
  /** There will be none. */
  onError(error: Error): void
  /** No more requests may wait for one; `limit` says which limit that is. */
  onRefused(limit: string): void
}

/** Where there are no connections: nobody was sent there, or a dispatcher of the user's has them. */
export const NO_CONNECTIONS: ConnectionCounts = Object.freeze({ open: 0, idle: 0, connecting: 0, waiting: 0 })

/**
 * The connections to one endpoint. The one that was used last is used next, so that those which are not needed stay idle, and
 * undici's keep-alive time-out closes them, the longest idle first. Where `connections` limits their number, or the limits over
 * all threads do, requests wait in line, and so they do for the first connection where that may turn out to speak HTTP/2.
 */
export class ConnectionPool implements ConnectionOwner, AllowedPool {
  readonly #url: string
  readonly #options: PoolOptions
  readonly #connect: Connect
  readonly #allowance: Allowance
  readonly #limit: number
  readonly #maxAgeMs: number
  readonly #all = new Set<Connection>()
  /** Carry nothing. The one that was used last stands last. */
  readonly #idle: Connection[] = []
  /** Open ones that may carry several requests, whatever they carry. */
  readonly #shared: Connection[] = []
  readonly #waiting: WaitingLine<Sendable>
  /** Requests may turn out to share connections. */
  #mayShare: boolean
  /** It pays to wait for a connection that opens: it will say soon how many requests it carries. */
  #waitsToSee = true
  #isServing = false
  #isClosing = false
  #closed: Promise<void> | undefined
  #whenClosed: (() => void) | undefined

  constructor(url: string, options: PoolOptions, allowance = UNBOUNDED) {
    this.#url = url
    this.#allowance = allowance
    this.#waiting = new WaitingLine(() => allowance.served())
    this.#options = options
    this.#connect = connectorOf(options)
    this.#limit = options.connections || Number.POSITIVE_INFINITY
    this.#maxAgeMs = options.maxConnectionAgeMs ?? 0
    this.#mayShare = options.allowH2 === true || (options.pipelining ?? 1) > 1
    allowance.add(this)
  }

  /** Sends a request on a connection that is free or new; else returns its place in the line of those that wait, or refuses it. */
  send(request: Sendable): Place<Sendable> | undefined {
    const connection = this.#waiting.length === 0 ? this.#take(request) : undefined
    if (connection === undefined) {
      const limit = this.#allowance.wait()
      if (limit === undefined) return this.#waiting.add(request)
      request.onRefused(limit)
    } else request.sendOn(connection)
    return undefined
  }

  get counts(): ConnectionCounts {
    let open = 0
    let idle = 0
    let connecting = 0
    for (const connection of this.#all) {
      if (!connection.isOpen) connecting++
      else {
        open++
        if (connection.active === 0) idle++
      }
    }
    return { open, idle, connecting, waiting: this.#waiting.length }
  }

  /** In undici's words, as a `Pool` of its tells them. */
  get stats(): Record<string, number> {
    const { open, idle, waiting } = this.counts
    let running = 0
    let pending = waiting
    for (const connection of this.#all) {
      if (connection.isOpen) running += connection.active
      else pending += connection.active
    }
    return { connected: open, free: idle, pending, queued: waiting, running, size: running + pending }
  }

  /** No connection is kept any longer than requests need it. Resolves when those that are here, waiting ones too, have ended. */
  close(): Promise<void> {
    this.#isClosing = true
    this.#closed ??= new Promise((resolve) => {
      this.#whenClosed = resolve
    })
    for (const connection of this.#all) this.#retireIdle(connection)
    this.#settle()
    return this.#closed
  }

  /** Cuts off everything. */
  async destroy(): Promise<void> {
    this.#isClosing = true
    const { ClientDestroyedError } = loadUndici().errors
    const all = [...this.#all]
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift())
      request.onError(new ClientDestroyedError())
    await Promise.all(all.map((connection) => connection.destroy()))
    // undici says nothing of one that had not opened.
    for (const connection of this.#all) this.#drop(connection)
    this.#allowance.remove(this)
  }

  // What the limits over all threads want.

  get hasNone(): boolean {
    return this.#all.size === 0
  }

  retry(): void {
    this.#serve()
  }

  closeIdle(most: number): number {
    let closed = 0
    for (const connection of this.#all) {
      if (closed === most) break
      if (connection.active > 0 || !connection.isOpen || connection.isRetired) continue
      this.#yield(connection)
      closed++
    }
    return closed
  }

  #yield(connection: Connection): void {
    connection.isYielded = true
    this.#allowance.yielded()
    this.#retire(connection)
  }

  // A connection for a request.

  #take(request: Sendable): Connection | undefined {
    if (this.#mayShare) return this.#takeShared(request.options)
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop())
      if (this.#isGood(connection)) return connection
    return this.#open()
  }

  #takeShared(options: Dispatcher.DispatchOptions): Connection | undefined {
    const isAlone = needsAll(options)
    for (let i = this.#shared.length - 1; i >= 0; i--) {
      const connection = this.#shared[i]
      const { active } = connection
      if (isAlone ? active > 0 : active >= connection.capacity) continue
      if (this.#isGood(connection)) return connection
    }
    // The one that is about to open may have room for all that wait.
    if (!isAlone && this.#waitsToSee && this.#isConnecting()) return undefined
    return this.#open()
  }

  #isConnecting(): boolean {
    for (const { isSettled } of this.#all) if (!isSettled) return true
    return false
  }

  /** Whether a request may go out on it; one that is too old is not taken any more. */
  #isGood(connection: Connection): boolean {
    if (!connection.isUsable) return false
    if (this.#maxAgeMs === 0 || performance.now() < connection.expiresAt) return true
    this.#retire(connection)
    return false
  }

  #open(): Connection | undefined {
    if (this.#all.size >= this.#limit || !this.#allowance.open(this)) return undefined
    const connection = new Connection(this, this.#url, this.#options, this.#connect)
    this.#all.add(connection)
    return connection
  }

  // What connections tell.

  opened(connection: Connection): void {
    if (this.#maxAgeMs > 0) connection.expiresAt = performance.now() + jitteredAge(this.#maxAgeMs)
    if (!this.#mayShare) return
    // Without HTTP/2 and pipelining each has one request; the next ones need not wait to see.
    if (connection.capacity === 1 && !connection.isH2) this.#mayShare = false
    else if (!this.#shared.includes(connection)) this.#shared.push(connection)
    this.#serve()
  }

  freed(connection: Connection): void {
    if (connection.isRetired) return
    const isExpired = this.#maxAgeMs > 0 && performance.now() >= connection.expiresAt
    if (isExpired) this.#retire(connection)
    else if (connection.active === 0 && this.#allowance.mustYield()) this.#yield(connection)
    else if (connection.active === 0 && !this.#isShared(connection)) this.#idle.push(connection)
    if (this.#waiting.length > 0) this.#serve()
    if (this.#isClosing) this.#retireIdle(connection)
  }

  overdue(): void {
    this.#waitsToSee = false
  }

  failed(connection: Connection, error: Error): void {
    this.#drop(connection)
    const isLast = this.#mayShare && this.#shared.length === 0 && !this.#isConnecting()
    // Those that waited for it fail with it; what they send elsewhere on account of that comes after them.
    for (let length = isLast ? this.#waiting.length : 0; length > 0; length--)
      this.#waiting.shift()?.onError(error)
    this.#serve()
    this.#settle()
  }

  gone(connection: Connection): void {
    if (!this.#drop(connection)) return
    remove(this.#idle, connection)
    remove(this.#shared, connection)
    this.#serve()
    this.#settle()
  }

  ended({ isYielded }: Connection): void {
    this.#allowance.closed(isYielded)
    if (this.#waiting.length > 0) this.#serve()
  }

  /** False where it was gone before. */
  #drop(connection: Connection): boolean {
    if (!this.#all.delete(connection)) return false
    connection.drop()
    return true
  }

  #isShared(connection: Connection): boolean {
    return this.#shared.length > 0 && this.#shared.includes(connection)
  }

  #retire(connection: Connection): void {
    remove(this.#idle, connection)
    remove(this.#shared, connection)
    connection.retire()
  }

  #retireIdle(connection: Connection): void {
    if (connection.active === 0 && connection.isOpen && this.#waiting.length === 0) this.#retire(connection)
  }

  /** Gives those that wait what there is. */
  #serve(): void {
    if (this.#isServing) return
    this.#isServing = true
    try {
      for (let next = this.#waiting.first; next !== undefined; next = this.#waiting.first) {
        const connection = this.#take(next)
        if (connection === undefined) break
        this.#waiting.shift()
        next.sendOn(connection)
      }
    } finally {
      this.#isServing = false
    }
  }

  #settle(): void {
    if (!this.#isClosing || this.#all.size > 0 || this.#waiting.length > 0) return
    this.#allowance.remove(this)
    this.#whenClosed?.()
  }
}

/** From its cold end: those are the ones that end. */
function remove(list: Connection[], connection: Connection): void {
  const at = list.indexOf(connection)
  if (at >= 0) list.splice(at, 1)
}

/** Whether undici lets a request out only where nothing else is under way on its connection. */
function needsAll({ body, method, upgrade }: Dispatcher.DispatchOptions): boolean {
  if (upgrade || method === 'CONNECT') return true
  if (typeof body !== 'object' || body === null) return false
  return !ArrayBuffer.isView(body) && !((body as unknown) instanceof ArrayBuffer)
}
