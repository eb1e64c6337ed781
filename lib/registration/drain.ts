/** The end of a server that is replaced by another one, without a request that fails. */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ArgumentError } from '../errors.js'
import { MAX_MS } from '../options/common.js'
import type { Registration } from './registration.js'

const QUIET_MS = 1_000
const TIMEOUT_MS = 10_000
/** etcd answers within milliseconds; where it is away, the lease runs out by itself. */
const REMOVE_MS = 3_000
const NO_TIME = Symbol('no time')

/** What is drained: a server of `node:http` or `node:https`, as `app.listen()` of Express gives it, or a Fastify app. */
export type DrainableServer =
  | Pick<HttpServer, 'close' | 'closeIdleConnections' | 'closeAllConnections' | 'on' | 'prependListener'>
  | { readonly server: unknown; close(): PromiseLike<unknown> }

/** How a server is drained. */
export interface DrainOptions {
  /** Is removed first of all. */
  registration?: Pick<Registration, 'remove'>
  /** Default `['SIGTERM']`. */
  signals?: readonly NodeJS.Signals[]
  /** How long requests are still taken after the registration was removed, ms, so that all balancers have learnt of it. Default 1,000. */
  quietMs?: number
  /** How long requests in flight may take from then on, ms; what is left is cut off. Default 10,000. */
  timeoutMs?: number
  /** Whether the process exits then, with code 0. Default true. */
  exit?: boolean
}

/** What the end of a server was like. */
export interface DrainResult {
  /** Connections that were cut off, by the time-out or a second signal. */
  readonly cutOff: number
}

/** A server that will be drained, or is. */
export interface Draining {
  /** False from the signal on: for a health route of your own. */
  readonly isReady: boolean
  /** A health route: 200 while it is ready, then 503. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
  /** Drains without a signal. Called again, it is as the second signal. */
  drain(): Promise<DrainResult>
  /** Resolves when it has drained. */
  readonly done: Promise<DrainResult>
  /** The signals are not heard any more. What is under way goes on. */
  cancel(): void
}

/**
 * Drains the server on a signal: readiness goes off, the registration is removed, `quietMs` later no connection is accepted any
 * more, requests in flight end within `timeoutMs`, and the process exits. A second signal cuts off what is left.
 * @throws ArgumentError
 */
export function drainOnSignal(server: DrainableServer, options: DrainOptions = {}): Draining {
  return new Drain(server, options)
}

class Drain implements Draining {
  readonly done: Promise<DrainResult>
  readonly #http: HttpServer
  readonly #close: () => Promise<unknown>
  readonly #options: Required<Omit<DrainOptions, 'registration'>> & Pick<DrainOptions, 'registration'>
  readonly #sockets = new Set<Socket>()
  readonly #responses = new Set<ServerResponse>()
  readonly #cut: Promise<void>
  readonly #onSignal = (): void => void this.drain()
  #cutNow: () => void = () => {}
  #finish: (result: DrainResult) => void = () => {}
  #isReady = true
  #isClosing = false

  constructor(server: DrainableServer, options: DrainOptions) {
    const { http, close } = openServer(server)
    this.#http = http
    this.#close = close
    const { registration, signals = ['SIGTERM'], exit = true } = options
    const quietMs = msOf('quietMs', options.quietMs, QUIET_MS)
    const timeoutMs = msOf('timeoutMs', options.timeoutMs, TIMEOUT_MS)
    this.#options = { registration, signals, quietMs, timeoutMs, exit }
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#cut = new Promise((resolve) => {
      this.#cutNow = resolve
    })
    http.on('connection', (socket: Socket) => this.#sees(socket))
    http.prependListener('request', (_, response) => this.#begins(response))
    for (const signal of signals) process.on(signal, this.#onSignal)
  }

  get isReady(): boolean {
    return this.#isReady
  }

  readonly handler = (_: IncomingMessage, response: ServerResponse): void => {
    response.statusCode = this.#isReady ? 200 : 503
    response.end(this.#isReady ? 'ready\n' : 'draining\n')
  }

  drain(): Promise<DrainResult> {
    if (!this.#isReady) this.#cutNow()
    else {
      this.#isReady = false
      void this.#run().then(this.#finish)
    }
    return this.done
  }

  cancel(): void {
    for (const signal of this.#options.signals) process.off(signal, this.#onSignal)
  }

  async #run(): Promise<DrainResult> {
    const { registration, quietMs, timeoutMs, exit } = this.#options
    // From here on, since connections that are kept open would have to be closed under the hands of who uses them.
    for (const response of this.#responses) closeAfter(response)
    await this.#orCut(REMOVE_MS, removed(registration))
    await this.#orCut(quietMs, new Promise(() => {}))
    this.#isClosing = true
    const closing = this.#close().catch(() => {})
    this.#http.closeIdleConnections()
    const ended = await this.#orCut(timeoutMs, closing)
    const cutOff = ended === NO_TIME ? this.#sockets.size : 0
    // Those of WebSockets as well, which the server does not count among its own.
    for (const socket of this.#sockets) socket.destroy()
    this.cancel()
    if (exit) process.exit(0)
    return { cutOff }
  }

  /** Waits for it, but for no longer than `ms`, nor longer than until a second signal. The wait keeps the process alive. */
  async #orCut(ms: number, promise: Promise<unknown>): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, ms, NO_TIME)
    })
    const result = await Promise.race([promise, late, this.#cut.then(() => NO_TIME)])
    clearTimeout(timer)
    return result
  }

  #sees(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #begins(response: ServerResponse): void {
    this.#responses.add(response)
    if (!this.#isReady) closeAfter(response)
    response.once('close', () => {
      this.#responses.delete(response)
      // One that had promised to stay open before the signal.
      if (this.#isClosing) setImmediate(() => this.#http.closeIdleConnections())
    })
  }
}

function openServer(server: DrainableServer): { http: HttpServer; close: () => Promise<unknown> } {
  const isApp = isObject(server) && 'server' in server && isHttpServer(server.server)
  if (isApp) {
    const app = server as { readonly server: HttpServer; close(): PromiseLike<unknown> }
    return { http: app.server, close: async () => app.close() }
  }
  if (!isHttpServer(server))
    throw new ArgumentError(
      'drainOnSignal takes a server of node:http or node:https (of Express what app.listen() returns), or a Fastify app',
    )
  return { http: server, close: () => new Promise((resolve) => server.close(resolve)) }
}

function isHttpServer(value: unknown): value is HttpServer {
  return (
    isObject(value) && typeof value.close === 'function' && typeof value.closeIdleConnections === 'function'
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** The client opens another connection for its next request: to whoever is there then. */
function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

/** Whatever the registration does. */
async function removed(registration: Pick<Registration, 'remove'> | undefined): Promise<void> {
  try {
    await registration?.remove({ timeoutMs: REMOVE_MS })
  } catch {}
}

function msOf(name: string, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault
  if (typeof value !== 'number' || !(value >= 0) || value > MAX_MS)
    throw new ArgumentError(
      `${name} takes a number of milliseconds from 0 to ${MAX_MS}, not ${String(value)}`,
    )
  return value
}
