/** One request's way through the proxy, step by step: what the client gets of it, and what becomes of it when either side is gone. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { setImmediate as soon } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { Exchange, type ExchangeOptions } from '../../../lib/cli/proxy/exchange.js'
import { BODY_TIMEOUT, HEADERS_TIMEOUT } from '../../../lib/cli/proxy/failure.js'
import { sendInformation } from '../../../lib/cli/proxy/informational.js'
import { asksForHttp2 } from '../../../lib/cli/proxy/plain-http.js'
import type { RequestBody } from '../../../lib/cli/proxy/request-body.js'
import { until } from '../../support/until.js'

/** A client's connection: what it was sent, and whether it takes it. */
class Wire extends Duplex {
  text = ''
  #taken: (() => void) | undefined
  #holds = false

  /** Takes no more, until `goOn`. */
  hold(): void {
    this.#holds = true
  }

  goOn(): void {
    this.#holds = false
    this.#taken?.()
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('latin1')
    if (this.#holds) this.#taken = done
    else done()
  }
}

function setUp(options: Partial<ExchangeOptions> = {}, { httpVersion = '1.1', complete = true } = {}) {
  const request = new IncomingMessage(new Socket())
  const [httpVersionMajor, httpVersionMinor] = httpVersion.split('.').map(Number)
  Object.assign(request, {
    httpVersion,
    httpVersionMajor,
    httpVersionMinor,
    complete,
    method: 'GET',
    headers: {},
  })
  const wire = new Wire()
  const response = new ServerResponse(request)
  response.sendDate = false
  response.assignSocket(wire as unknown as Socket)
  const onFailure = vi.fn()
  const exchange = new Exchange(request, response, {
    service: 'users',
    origin: 'http://users',
    isLast: () => false,
    onFailure,
    body: null,
    ...options,
  })
  const abort = vi.fn()
  const resume = vi.fn()
  const begin = (status = 200, raw: string[] = [], text = 'OK') =>
    exchange.onHeaders(
      status,
      raw.map((part) => Buffer.from(part, 'latin1')),
      resume,
      text,
    )
  return { request, response, wire, exchange, onFailure, abort, resume, begin }
}

const LEFT = expect.objectContaining({ name: 'AbortError', message: 'the client closed the connection' })
const lost = () => Object.assign(new Error('at 10.0.0.1'), { code: 'UND_ERR_SOCKET' })

describe('an exchange', () => {
  it('hands an answer on: head, body, trailers that may be', async () => {
    const { exchange, wire, begin, abort } = setUp()
    exchange.onConnect(abort)
    expect(begin(201, ['X-A', '1', 'location', 'http://users/a'], 'Made')).toBe(true)
    expect(exchange.onData(Buffer.from('body'))).toBe(true)
    const names = ['X-Sum', 'content-type', 'Set-Cookie', 'age', 'connection', 'x-last']
    exchange.onComplete(names.flatMap((name) => [Buffer.from(name), Buffer.from('7')]))
    await soon()
    const [head, body] = [wire.text.split('\r\n\r\n')[0], wire.text.slice(wire.text.indexOf('\r\n\r\n') + 4)]
    expect(head.split('\r\n').slice(0, 3)).toEqual(['HTTP/1.1 201 Made', 'X-A: 1', 'location: /a'])
    expect(body).toBe('4\r\nbody\r\n0\r\nX-Sum: 7\r\nx-last: 7\r\n\r\n')
    expect(abort).not.toHaveBeenCalled()
  })

  it('sends the head by itself where no body comes soon, and nothing besides', async () => {
    const { exchange, wire, begin } = setUp()
    begin()
    expect(wire.text).toBe('')
    await soon()
    expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/)
    exchange.onData(Buffer.from('b'))
    exchange.onComplete(null)
    await soon()
    expect(wire.text.split('\r\n\r\n').slice(1)).toEqual(['1\r\nb\r\n0', ''])
  })

  it('is held back while the client does not take it', async () => {
    const { exchange, wire, begin, resume } = setUp()
    wire.hold()
    begin()
    expect(exchange.onData(Buffer.alloc(64 * 1024))).toBe(false)
    await soon()
    expect(resume).not.toHaveBeenCalled()
    wire.goOn()
    await until(() => wire.writableLength === 0)
    // What the server does when the connection takes more.
    exchange.onData(Buffer.alloc(0))
    expect(wire.text.length).toBeGreaterThan(64 * 1024)
  })

  it('asks for more when the client has taken what there was, and not before an answer has begun', () => {
    const { response, begin, resume } = setUp()
    response.emit('drain')
    expect(resume).not.toHaveBeenCalled()
    begin()
    response.emit('drain')
    expect(resume).toHaveBeenCalledTimes(1)
  })

  it('ends the connection after an answer that comes before the end of the body, or is the last', () => {
    const whole = setUp()
    whole.begin()
    expect(whole.response.shouldKeepAlive).toBe(true)
    const early = setUp({}, { complete: false })
    early.begin()
    expect(early.response.shouldKeepAlive).toBe(false)
    const last = setUp({ isLast: () => true })
    last.begin()
    expect(last.response.shouldKeepAlive).toBe(false)
  })

  it('hands informational answers on, and waits for the answer', async () => {
    const { wire, begin, exchange } = setUp()
    expect(begin(103, ['link', '</a>', 'Content-Length', '7', 'x-last', '1'])).toBe(true)
    expect(wire.text).toBe('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nx-last: 1\r\n\r\n')
    begin()
    exchange.onComplete(null)
    await soon()
    expect(wire.text).toContain('HTTP/1.1 200 OK')
  })
})

describe('an exchange that fails', () => {
  it('answers with the code, tells it once, and hands nothing on after that', async () => {
    const { exchange, wire, onFailure, begin } = setUp()
    const error = lost()
    exchange.onError(error)
    exchange.onError(lost())
    expect(onFailure.mock.calls).toEqual([
      [
        { status: 502, code: 'UND_ERR_SOCKET', message: 'service "users": the connection to it failed' },
        error,
      ],
    ])
    expect(begin(200, ['x-late', '1'])).toBe(true)
    expect(exchange.onData(Buffer.from('late'))).toBe(true)
    exchange.onComplete([])
    exchange.fail(BODY_TIMEOUT)
    await soon()
    expect(wire.text).toMatch(/^HTTP\/1\.1 502 Bad Gateway/)
    expect(wire.text).not.toMatch(/late|10\.0\.0\.1|BODY_TIMEOUT/)
  })

  it('in the middle of its answer is cut off', async () => {
    const { exchange, response, begin, onFailure, abort } = setUp()
    exchange.onConnect(abort)
    begin()
    exchange.onData(Buffer.from('half'))
    exchange.onError(lost())
    expect(onFailure).toHaveBeenCalledTimes(1)
    expect(response.destroyed).toBe(true)
    expect(response.writableEnded).toBe(false)
  })

  it('through its client is answered so, once, and ends at the endpoint and after the answer', async () => {
    const { exchange, wire, abort, onFailure, response } = setUp()
    exchange.onConnect(abort)
    exchange.fail(BODY_TIMEOUT)
    exchange.fail(HEADERS_TIMEOUT)
    exchange.onError(lost())
    expect(abort.mock.calls).toEqual([[LEFT]])
    expect(response.shouldKeepAlive).toBe(false)
    expect(onFailure).not.toHaveBeenCalled()
    await soon()
    expect(wire.text).toMatch(/^HTTP\/1\.1 408 [\s\S]*FAIRLEAD_BODY_TIMEOUT/)
    expect(wire.text).not.toContain('HEADERS_TIMEOUT')
  })

  it('through its client before the endpoint is there does not begin there', () => {
    const { exchange, abort } = setUp()
    exchange.fail(BODY_TIMEOUT)
    exchange.onConnect(abort)
    expect(abort.mock.calls).toEqual([[LEFT]])
  })
})

describe('a client that leaves', () => {
  it('ends the request, and is no failure', () => {
    const { exchange, response, abort, onFailure } = setUp()
    exchange.onConnect(abort)
    expect(abort).not.toHaveBeenCalled()
    response.destroy()
    response.emit('close')
    expect(abort).toHaveBeenCalledWith(LEFT)
    exchange.onError(lost())
    expect(onFailure).not.toHaveBeenCalled()
  })

  it('before the endpoint is there ends it as soon as that is', () => {
    const { exchange, response, abort } = setUp()
    response.emit('close')
    exchange.onConnect(abort)
    expect(abort.mock.calls).toEqual([[LEFT]])
  })

  it('after its answer ends nothing', async () => {
    const { exchange, response, begin, abort } = setUp()
    exchange.onConnect(abort)
    begin()
    exchange.onComplete([])
    await until(() => response.writableFinished)
    response.emit('close')
    expect(abort).not.toHaveBeenCalled()
  })

  it('does not end the process by an error of its answer', () => {
    const { response } = setUp()
    expect(() => response.emit('error', new Error('write after end'))).not.toThrow()
  })
})

describe('what is awaited of the client', () => {
  it('is what its body says, while somebody waits for it', () => {
    const { exchange } = setUp({ body: { awaited: 7 } as RequestBody })
    expect(exchange.awaited).toBe(7)
    exchange.onError(lost())
    expect(exchange.awaited).toBeUndefined()
    expect(setUp().exchange.awaited).toBeUndefined()
  })
})

describe('an upgrade', () => {
  it('that was asked for hands the connection over, and is over for the exchange', () => {
    const onUpgrade = vi.fn()
    const { exchange, response, abort, onFailure } = setUp({ onUpgrade })
    const endpoint = new PassThrough()
    exchange.onConnect(abort)
    exchange.onUpgrade(101, [Buffer.from('x')], endpoint)
    expect(onUpgrade.mock.calls).toEqual([[endpoint, [Buffer.from('x')]]])
    expect(endpoint.destroyed).toBe(false)
    exchange.fail(BODY_TIMEOUT)
    exchange.onError(lost())
    response.emit('close')
    expect(abort).not.toHaveBeenCalled()
    expect(onFailure).not.toHaveBeenCalled()
    expect(response.headersSent).toBe(false)
  })

  it('that nobody asked for, or whose client has left, ends the connection to the endpoint', () => {
    const unasked = new PassThrough()
    setUp().exchange.onUpgrade(101, [], unasked)
    expect(unasked.destroyed).toBe(true)
    const onUpgrade = vi.fn()
    const { exchange, response } = setUp({ onUpgrade })
    response.emit('close')
    const late = new PassThrough()
    exchange.onUpgrade(101, [], late)
    expect(late.destroyed).toBe(true)
    expect(onUpgrade).not.toHaveBeenCalled()
  })

  it.each([
    ['h2c', true],
    ['H2C', true],
    ['websocket, h2c', true],
    [' h2c ', true],
    ['h2', false],
    ['xh2c', false],
    ['', false],
    [undefined, false],
  ])('is for HTTP/2: %s %s', (upgrade, is) => {
    expect(asksForHttp2({ headers: { upgrade } } as IncomingMessage)).toBe(is)
  })
})

describe('an informational answer', () => {
  const told = (status: number, options = {}, prepare?: (one: ReturnType<typeof setUp>) => void): string => {
    const one = setUp({}, options)
    prepare?.(one)
    sendInformation(one.response, status, ['x-a', '1'])
    return one.wire.text
  }

  it('is handed on with the text that its status has, if any', () => {
    expect(told(102)).toBe('HTTP/1.1 102 Processing\r\nx-a: 1\r\n\r\n')
    expect(told(199)).toBe('HTTP/1.1 199 \r\nx-a: 1\r\n\r\n')
  })

  it('is not where the server says it itself, or HTTP/1.0 would take it for the answer', () => {
    expect(told(100)).toBe('')
    expect(told(101)).toBe('')
    expect(told(103, { httpVersion: '1.0' })).toBe('')
  })

  it('is not where the answer has begun, or the client takes nothing, or is gone', () => {
    expect(told(103, {}, ({ response }) => response.writeHead(200))).not.toContain('103')
    expect(
      told(103, {}, ({ wire }) => {
        wire.hold()
        wire.write('y'.repeat(100_000))
      }),
    ).not.toContain('103')
    expect(told(103, {}, ({ wire }) => wire.end())).toBe('')
    const { response, wire } = setUp()
    response.detachSocket(wire as unknown as Socket)
    expect(() => sendInformation(response, 103, [])).not.toThrow()
  })
})
