/** The turns of one client's connection, step by step: who is served when, what is refused, and when it ends. */
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClientConnection } from '../../../lib/cli/proxy/connection.js'
import type { Exchange } from '../../../lib/cli/proxy/exchange.js'
import { BODY_TIMEOUT, HEADERS_TIMEOUT, SEND_TIMEOUT } from '../../../lib/cli/proxy/failure.js'
import { LINGER_MS } from '../../../lib/cli/proxy/last-answer.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate'] }))
afterEach(() => void vi.useRealTimers())

class FakeSocket extends Duplex {
  text = ''
  bytesRead = 1
  readonly bytesWritten = 100
  /** Bytes that the other side has not taken. */
  left = 0
  readonly destroySoon = vi.fn()
  readonly resetAndDestroy = vi.fn()

  constructor() {
    super()
    Object.defineProperty(this, 'writableLength', { get: () => this.left })
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('latin1')
    done()
  }
}

interface FakeResponse extends EventEmitter {
  shouldKeepAlive: boolean
  writableEnded: boolean
}

function setUp() {
  const socket = new FakeSocket()
  const onTimeout = vi.fn()
  const connection = new ClientConnection(
    socket as unknown as Socket,
    { address: '192.0.2.1', trusted: false },
    onTimeout,
  )
  const log: string[] = []
  /** Adds a request; `end` is the end of its answer. */
  const add = (name: string, { complete = true, exchange = {} as object } = {}) => {
    const request = Object.assign(new EventEmitter(), {
      complete,
      resume: vi.fn(),
      headers: {},
      destroyed: false,
    })
    const response: FakeResponse = Object.assign(new EventEmitter(), {
      shouldKeepAlive: true,
      writableEnded: false,
      headersSent: false,
      socket,
      req: request,
      writeHead: (status: number) => log.push(`${name} ${status}`),
      end: () => {},
    })
    const fail = vi.fn()
    const begin = () => {
      log.push(name)
      return Object.assign(exchange, { fail }) as unknown as Exchange
    }
    connection.add(request as unknown as IncomingMessage, response as unknown as ServerResponse, begin)
    return { request, response, fail, end: () => void response.emit('close') }
  }
  const parseFailed = (code: string) => connection.parseFailed(Object.assign(new Error(code), { code }))
  return { socket, connection, onTimeout, log, add, parseFailed }
}

describe('requests of a connection', () => {
  it('are served one after the other, in their order', () => {
    const { connection, log, add, socket } = setUp()
    expect(connection.isIdle).toBe(true)
    const [one, two] = [add('one'), add('two')]
    expect(connection.isIdle).toBe(false)
    expect(log).toEqual(['one'])
    one.end()
    expect(log).toEqual(['one', 'two'])
    one.end()
    expect(connection.isIdle).toBe(false)
    two.end()
    expect(connection.isIdle).toBe(true)
    add('three')
    expect(log).toEqual(['one', 'two', 'three'])
    expect(socket.destroyed || socket.writableEnded).toBe(false)
  })

  it('are not served any more where the connection has ended', () => {
    for (const finish of ['destroy', 'end'] as const) {
      const { socket, log, add } = setUp()
      const one = add('one')
      add('two')
      socket[finish]()
      one.end()
      expect(log).toEqual(['one'])
    }
  })

  it('do not end the process by their errors, nor does the connection', () => {
    const { socket, add } = setUp()
    const { request } = add('one')
    expect(() => request.emit('error', new Error('reset'))).not.toThrow()
    expect(() => socket.emit('error', new Error('reset'))).not.toThrow()
  })

  it('wait while what is left of the body before them is dropped, for five seconds', () => {
    const { socket, add, log } = setUp()
    const one = add('one', { complete: false })
    one.end()
    vi.advanceTimersByTime(LINGER_MS - 1)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(socket.destroyed).toBe(true)
    expect(log).toEqual(['one'])
  })

  it('come when it has been dropped', () => {
    const { socket, add, log } = setUp()
    const one = add('one', { complete: false })
    one.end()
    one.request.emit('end')
    add('two')
    vi.advanceTimersByTime(2 * LINGER_MS)
    expect(socket.destroyed).toBe(false)
    expect(log).toEqual(['one', 'two'])
  })

  it('are a thousand ahead at most: those beyond are dropped, and the last of them is the last', () => {
    const { add, log, socket } = setUp()
    const first = add('first')
    const ahead = Array.from({ length: 1_000 }, (_, i) => add(`${i}`))
    expect(ahead.at(-1)?.response.shouldKeepAlive).toBe(true)
    const beyond = add('beyond')
    expect(beyond.request.resume).toHaveBeenCalled()
    expect(ahead.at(-1)?.response.shouldKeepAlive).toBe(false)
    expect(ahead.at(-2)?.response.shouldKeepAlive).toBe(true)
    // Nobody else reads the connection from here on.
    const reads = vi.fn()
    socket.on('data', reads)
    vi.runAllTimers()
    expect(socket.listeners('data')).not.toContain(reads)
    expect(socket.listenerCount('data')).toBe(1)
    const late = add('late')
    first.end()
    for (const one of ahead) one.end()
    beyond.end()
    late.end()
    expect(log).toHaveLength(1_001)
    expect(log.at(-1)).toBe('999')
  })
})

describe('what cannot be understood', () => {
  it('is refused at once where nothing is to be answered before it', () => {
    const { socket, parseFailed, onTimeout } = setUp()
    parseFailed('HPE_INVALID_METHOD')
    expect(socket.text).toMatch(/^HTTP\/1\.1 400 Bad Request/)
    expect(socket.writableEnded).toBe(true)
    // It may say its last for a while.
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(LINGER_MS)
    expect(socket.destroyed).toBe(true)
    expect(onTimeout).not.toHaveBeenCalled()
  })

  it('is refused after the answers to what came before, and once', () => {
    const { socket, parseFailed, add } = setUp()
    const [one, two] = [add('one'), add('two')]
    parseFailed('HPE_INVALID_METHOD')
    parseFailed('HPE_HEADER_OVERFLOW')
    one.end()
    expect(socket.text).toBe('')
    two.end()
    expect(socket.text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
  })

  it('in the body of a request is the answer to that, when its turn comes', () => {
    const { parseFailed, add, log, socket } = setUp()
    const [one, two] = [add('one'), add('two', { complete: false })]
    parseFailed('HPE_INVALID_CHUNK_SIZE')
    expect(one.fail).not.toHaveBeenCalled()
    expect(two.fail).not.toHaveBeenCalled()
    one.end()
    expect(log).toEqual(['one', 'two 400'])
    expect(two.response.shouldKeepAlive).toBe(false)
    two.end()
    expect(socket.writableEnded).toBe(true)
    expect(socket.text).toBe('')
  })

  it('in the body of the request that is served ends that', () => {
    const { parseFailed, add } = setUp()
    const one = add('one', { complete: false })
    parseFailed('HPE_INVALID_CHUNK_SIZE')
    expect(one.fail.mock.calls).toEqual([[expect.objectContaining({ status: 400 })]])
  })

  it('that came too late is told as a time-out', () => {
    const { parseFailed, onTimeout, socket } = setUp()
    parseFailed('ERR_HTTP_REQUEST_TIMEOUT')
    expect(onTimeout.mock.calls).toEqual([[HEADERS_TIMEOUT]])
    expect(socket.text).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('from a client that has said nothing is not answered', () => {
    const { parseFailed, socket } = setUp()
    socket.bytesRead = 0
    parseFailed('ERR_HTTP_REQUEST_TIMEOUT')
    expect(socket.text).toBe('')
    expect(socket.destroyed).toBe(true)
  })

  it('since the connection is lost ends it', () => {
    const { parseFailed, socket } = setUp()
    parseFailed('ECONNRESET')
    expect(socket.text).toBe('')
    expect(socket.destroyed).toBe(true)
  })

  it('since it comes after the last request is no fault of that', () => {
    const { parseFailed, add, socket } = setUp()
    const one = add('one')
    parseFailed('HPE_CLOSED_CONNECTION')
    expect(one.fail).not.toHaveBeenCalled()
    expect(socket.destroyed).toBe(false)
    one.end()
    expect(socket.text).toBe('')
    // What Node calls at the end of the last answer leaves the client time.
    ;(socket as unknown as Socket).destroySoon()
    expect(socket.writableEnded).toBe(true)
    expect(socket.destroyed).toBe(false)
  })
})

describe('a client that stands still', () => {
  const LIMITS = { bodyMs: 100, sendMs: 200 }

  it('in its body is timed out by what is awaited of it', () => {
    const exchange = { awaited: 0 as number | undefined }
    const { connection, add, onTimeout } = setUp()
    const one = add('one', { exchange })
    connection.check(1_000, LIMITS)
    connection.check(1_099, LIMITS)
    expect(one.fail).not.toHaveBeenCalled()
    // It goes on.
    exchange.awaited = 1
    connection.check(1_150, LIMITS)
    connection.check(1_249, LIMITS)
    expect(onTimeout).not.toHaveBeenCalled()
    connection.check(1_250, { ...LIMITS, bodyMs: 0 })
    expect(onTimeout).not.toHaveBeenCalled()
    connection.check(1_250, LIMITS)
    expect(onTimeout.mock.calls).toEqual([[BODY_TIMEOUT]])
    expect(one.fail.mock.calls).toEqual([[BODY_TIMEOUT]])
  })

  it('is not timed out where nothing is awaited of it', () => {
    const { connection, add, onTimeout } = setUp()
    connection.check(0, LIMITS)
    add('one', { exchange: { awaited: undefined } })
    for (const now of [1_000, 2_000, 3_000]) connection.check(now, LIMITS)
    expect(onTimeout).not.toHaveBeenCalled()
  })

  it('by not taking its answer is cut off', () => {
    const { connection, socket, onTimeout } = setUp()
    socket.left = 60
    connection.check(1_000, LIMITS)
    socket.left = 50
    connection.check(1_100, LIMITS)
    connection.check(1_299, LIMITS)
    connection.check(1_300, { ...LIMITS, sendMs: 0 })
    expect(socket.resetAndDestroy).not.toHaveBeenCalled()
    connection.check(1_300, LIMITS)
    expect(onTimeout.mock.calls).toEqual([[SEND_TIMEOUT]])
    expect(socket.resetAndDestroy).toHaveBeenCalledTimes(1)
  })
})

describe('the end of the server', () => {
  it('ends an idle connection at once', () => {
    const { connection, socket } = setUp()
    expect(connection.isLast).toBe(false)
    connection.close()
    expect(socket.destroyed).toBe(true)
  })

  it('ends any other after the answers to what has come, of which it knows the last', () => {
    const { connection, socket, add, log } = setUp()
    const [one, two] = [add('one'), add('two')]
    connection.close()
    expect(socket.destroyed).toBe(false)
    expect(connection.isLast).toBe(false)
    one.end()
    expect(connection.isLast).toBe(true)
    expect(socket.destroySoon).not.toHaveBeenCalled()
    two.end()
    expect(log).toEqual(['one', 'two'])
    expect(socket.destroySoon).toHaveBeenCalledTimes(1)
  })

  it('does not wait for the rest of a body', () => {
    const { connection, socket, add } = setUp()
    const one = add('one', { complete: false })
    connection.close()
    one.end()
    expect(socket.writableEnded).toBe(true)
  })
})

describe('a request for an upgrade', () => {
  const upgrade = (one: ReturnType<typeof setUp>, head = '') => {
    const begin = vi.fn()
    const request = Object.assign(new EventEmitter(), { complete: true })
    one.connection.addUpgrade(request as unknown as IncomingMessage, Buffer.from(head), begin)
    return { begin, request }
  }

  it('waits for its turn, and keeps what comes after it', () => {
    const one = setUp()
    const before = one.add('before')
    const { begin, request } = upgrade(one, 'head ')
    expect(begin).not.toHaveBeenCalled()
    one.socket.emit('data', Buffer.from('more'))
    expect(() => request.emit('error', new Error('reset'))).not.toThrow()
    before.end()
    expect(begin).toHaveBeenCalledTimes(1)
    expect(Buffer.concat(one.connection.takeBack()).toString()).toBe('head more')
    // From here on others read it.
    expect(one.socket.listenerCount('data') + one.socket.listenerCount('drain')).toBe(0)
    expect(one.connection.takeBack()).toEqual([])
  })

  it('keeps up to 64 KiB of that, then the client has to wait', () => {
    const one = setUp()
    upgrade(one)
    const pause = vi.spyOn(one.socket, 'pause')
    one.socket.emit('data', Buffer.alloc(64 * 1024 - 1))
    one.socket.emit('data', Buffer.alloc(1))
    expect(pause).not.toHaveBeenCalled()
    one.socket.emit('data', Buffer.alloc(1))
    expect(pause).toHaveBeenCalledTimes(1)
    expect(Buffer.concat(one.connection.takeBack())).toHaveLength(64 * 1024 + 1)
  })

  it('is for nobody where the client has left', () => {
    const one = setUp()
    upgrade(one)
    one.socket.emit('end')
    expect(one.socket.destroyed).toBe(true)
  })

  it('that is passed over leaves its turn to those that come again', () => {
    const one = setUp()
    upgrade(one)
    one.connection.passOver()
    expect(one.connection.isIdle).toBe(true)
    one.add('again')
    expect(one.log).toEqual(['again'])
  })
})
