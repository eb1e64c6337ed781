/** One question to one server, over UDP or TCP. Each has a socket of its own, which is closed however it ends. */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { afterReads } from '../../runtime/after-reads.js'
import { systemTimers } from '../../runtime/timers.js'
import { malformed, ServerFault } from './errors.js'
import type { Server } from './server.js'

/** TCP puts the length of a message before it, in 2 bytes (RFC 1035, section 4.2.2). */
const LENGTH_BYTES = 2
const MAX_MESSAGE_BYTES = 65_535

export interface Bounds {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Undefined for a message that is to be ignored; throws a `ServerFault` for one that cannot be read. */
export type Read<T> = (message: Buffer) => T | undefined

interface Ending<T> {
  answer(value: T): void
  fail(error: unknown): void
}

/** Waits for the first message that `read` takes. */
export function askOverUdp<T>(server: Server, query: Buffer, read: Read<T>, bounds: Bounds): Promise<T> {
  return exchange(bounds, ({ answer, fail }) => {
    const socket = createSocket(server.family === 6 ? 'udp6' : 'udp4').unref()
    let peer: string | undefined
    // Connected: the kernel drops what others send, and says so where the host refuses the port.
    socket.on('connect', () => {
      try {
        peer = socket.remoteAddress().address
        socket.send(query)
      } catch (error) {
        fail(error)
      }
    })
    socket.on('message', (message, from) => {
      // What came between the bind and the connect went past the kernel.
      if (from.address !== peer || from.port !== server.port) return
      try {
        const value = read(message)
        if (value !== undefined) answer(value)
      } catch (error) {
        fail(error)
      }
    })
    socket.on('error', fail)
    socket.connect(server.port, server.address)
    return () => socket.close()
  })
}

/** Takes the first message. Nobody else can send on this connection: one that is no reply is the server's fault. */
export function askOverTcp<T>(server: Server, query: Buffer, read: Read<T>, bounds: Bounds): Promise<T> {
  return exchange(bounds, ({ answer, fail }) => {
    const socket = connect({ host: server.address, port: server.port }).unref()
    const received = Buffer.allocUnsafe(LENGTH_BYTES + MAX_MESSAGE_BYTES)
    let size = 0
    socket.on('connect', () => {
      const length = Buffer.allocUnsafe(LENGTH_BYTES)
      length.writeUInt16BE(query.length)
      socket.write(Buffer.concat([length, query]))
    })
    socket.on('data', (chunk) => {
      // What does not fit any more comes after the end of the message.
      size += chunk.copy(received, size)
      if (size < LENGTH_BYTES) return
      const end = LENGTH_BYTES + received.readUInt16BE(0)
      if (size < end) return
      try {
        const value = read(received.subarray(LENGTH_BYTES, end))
        if (value === undefined) fail(malformed('is to another question, over TCP'))
        else answer(value)
      } catch (error) {
        fail(error)
      }
    })
    socket.on('error', fail)
    socket.on('close', () => fail(malformed(`ended after ${size} bytes, over TCP`)))
    return () => socket.destroy()
  })
}

/** Ends once: with an answer, a failure, the time-out or the abort. @param start gives what closes its socket */
function exchange<T>({ timeoutMs, signal }: Bounds, start: (ending: Ending<T>) => () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let close: (() => void) | undefined
    let over = false
    const end = (settle: () => void): void => {
      if (over) return
      over = true
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
      close?.()
      settle()
    }
    const onAbort = (): void => end(() => reject(signal.reason))
    const fail = (error: unknown): void => end(() => reject(asFault(error)))
    const timer = systemTimers.after(timeoutMs, () =>
      afterReads(() => fail(new ServerFault('TIMEOUT', 'did not answer in time'))),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) return onAbort()
    try {
      close = start({ fail, answer: (value) => end(() => resolve(value)) })
    } catch (error) {
      fail(error)
    }
  })
}

/** An error of a socket: the server cannot be reached. */
function asFault(error: unknown): ServerFault {
  if (error instanceof ServerFault) return error
  const { code, message } = error as NodeJS.ErrnoException
  return new ServerFault('UNREACHABLE', `cannot be reached (${code ?? message})`)
}
