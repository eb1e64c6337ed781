/**
 * An endpoint may close an idle connection at any time, and it may do so just as a request is written to it. That is no
 * failure of the endpoint. It looks like this: the connection has carried an answer before, not a byte came after the
 * request was written, and it ended within a moment.
 */
import type { Socket } from 'node:net'

/**
 * A connection that lived longer than this after a request was sent on its way ended for another reason: some round trips,
 * of which connecting took one or a few, ms.
 */
const raceMs = (connectMs: number): number => Math.min(1_000, 2 * connectMs + 20)
const CODES: readonly unknown[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

const CONNECTION = Symbol('fairlead.connection')

interface Connection {
  readonly socket: Socket
  /** What it took to connect, ms. */
  readonly connectMs: number
  /** Bytes that had come when something was last written. */
  readBefore: number
}

interface SocketAddresses {
  readonly localPort?: number
  readonly remoteAddress?: string
  readonly remotePort?: number
}

/** Open connections, by their addresses: of a connection that ends, undici's errors tell only those. */
const open = new Map<string, Connection>()

const addressOf = ({ localPort, remoteAddress, remotePort }: SocketAddresses): string =>
  `${localPort} ${remoteAddress} ${remotePort}`

/** The same, by their sockets. */
const watched = new WeakMap<Socket, Connection>()

/** Watches a connection from its first moment on, so that `isIdleClose` knows of it. */
export function watchConnection(socket: Socket, connectMs: number): void {
  const connection: Connection = { socket, connectMs, readBefore: 0 }
  const address = addressOf(socket)
  open.set(address, connection)
  watched.set(socket, connection)
  const { write } = socket
  socket.write = function (this: Socket, ...args: Parameters<Socket['write']>): boolean {
    connection.readBefore = socket.bytesRead
    return write.apply(socket, args)
  } as Socket['write']
  socket.prependListener('error', (error: Error) => nameConnection(error, socket))
  // Requests are told of the end after this.
  socket.prependListener('close', () => {
    setImmediate(() => {
      if (open.get(address) === connection) open.delete(address)
    })
  })
}

/** An error that `socket` caused says so, where that connection is watched. */
export function nameConnection(error: Error, socket: Socket): void {
  const connection = watched.get(socket)
  if (connection !== undefined && Object.isExtensible(error))
    Object.defineProperty(error, CONNECTION, { value: connection, configurable: true })
}

/** The connection that an error tells the end of; undefined where that is not known. */
export function connectionOf(error: unknown): object | undefined {
  return ofError(error)
}

function ofError(error: unknown): Connection | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, socket, [CONNECTION]: own } = error as Failure
  if (!CODES.includes(code)) return undefined
  return own ?? (socket ? open.get(addressOf(socket)) : undefined)
}

interface Failure {
  readonly code?: unknown
  readonly socket?: SocketAddresses | null
  readonly [CONNECTION]?: Connection
}

/**
 * Whether a try failed because its connection, which was in use before, was closed at that moment.
 * @param elapsedMs since the request was written
 */
export function isIdleClose(error: unknown, elapsedMs: number): boolean {
  const connection = ofError(error)
  if (connection === undefined || elapsedMs > raceMs(connection.connectMs)) return false
  return connection.readBefore > 0 && connection.socket.bytesRead === connection.readBefore
}
