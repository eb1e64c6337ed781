/** A request's body on its way to an endpoint: what is read, when, and what becomes of the rest. */
import type { IncomingMessage } from 'node:http'
import { PassThrough, Readable, Writable } from 'node:stream'
import { setImmediate as soon } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { framingOf, RequestBody } from '../../../lib/cli/proxy/request-body.js'

/** A request whose body the test writes. `complete` says that Node's parser has seen its end. */
class Incoming extends Readable {
  complete = false

  override _read(): void {}

  finish(): void {
    this.complete = true
    this.push(null)
  }
}

/** An endpoint that takes what it is given, or nothing until `take`. */
class Sink extends Writable {
  readonly got: string[] = []
  #taken: (() => void) | undefined
  readonly #slow: boolean

  constructor(slow = false) {
    super({ highWaterMark: 4 })
    this.#slow = slow
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.got.push(chunk.toString())
    if (this.#slow) this.#taken = done
    else done()
  }

  take(): void {
    this.#taken?.()
  }
}

function setUp({ slow = false } = {}) {
  const request = new Incoming({ highWaterMark: 1024 })
  const begun = vi.fn()
  const moved = vi.fn()
  const broken = vi.fn()
  const sink = new Sink(slow)
  const body = new RequestBody(request as unknown as IncomingMessage, begun)
  const pipe = () => body.pipe(sink, moved, broken)
  return { request, body, sink, begun, moved, broken, pipe }
}

const ended = (stream: Writable) =>
  stream.writableFinished ? undefined : new Promise((resolve) => stream.once('finish', resolve))

describe('the body of a request', () => {
  it('is not read before an endpoint takes it, and is asked for once one does', async () => {
    const { request, begun, pipe, sink } = setUp()
    request.push('abc')
    await soon()
    expect(begun).not.toHaveBeenCalled()
    expect(sink.got).toEqual([])
    pipe()
    expect(begun).toHaveBeenCalledTimes(1)
    await soon()
    expect(sink.got).toEqual(['abc'])
  })

  it('comes whole, each part is told, and its end is the end', async () => {
    const { request, sink, moved, pipe, broken } = setUp()
    pipe()
    request.push('abc')
    await soon()
    expect(moved).toHaveBeenCalledTimes(1)
    expect(sink.writableEnded).toBe(false)
    request.push('d')
    request.finish()
    await ended(sink)
    expect(sink.got.join('')).toBe('abcd')
    expect(moved).toHaveBeenCalledTimes(2)
    expect(broken).not.toHaveBeenCalled()
  })

  it('comes no faster than the endpoint takes it, and goes on when that has taken what it had', async () => {
    const { request, sink, moved, pipe } = setUp({ slow: true })
    pipe()
    request.push('abcdef')
    await soon()
    expect(request.isPaused()).toBe(true)
    request.push('ghi')
    await soon()
    expect(sink.got).toEqual(['abcdef'])
    expect(moved).toHaveBeenCalledTimes(1)
    sink.take()
    await soon()
    expect(sink.got).toEqual(['abcdef', 'ghi'])
    // Once for each part, once for having taken the first.
    expect(moved).toHaveBeenCalledTimes(3)
  })

  it('that breaks off while it is sent is told, with the reason', async () => {
    const { request, body, broken, pipe } = setUp()
    pipe()
    const error = new Error('gone')
    request.destroy(error)
    await soon()
    expect(broken.mock.calls).toEqual([[error]])
    expect(body.errored).toBe(error)
  })

  it('keeps the first reason for which it broke off', async () => {
    const { request, body, broken, pipe } = setUp()
    pipe()
    const [first, second] = [new Error('first'), new Error('second')]
    request.emit('error', first)
    request.emit('error', second)
    expect(body.errored).toBe(first)
    expect(broken.mock.calls).toEqual([[first], [first]])
  })

  it('that broke off before anybody took it is not sent', async () => {
    const { request, body, broken, begun, pipe, sink } = setUp()
    expect(body.errored).toBeNull()
    const error = new Error('gone')
    request.destroy(error)
    await soon()
    expect(broken).not.toHaveBeenCalled()
    pipe()
    expect(begun).toHaveBeenCalledTimes(1)
    expect(broken.mock.calls).toEqual([[error]])
    expect(sink.listenerCount('drain')).toBe(0)
  })

  it('whose connection is gone without a word broke off, too', () => {
    const { request, body, broken, pipe } = setUp()
    request.destroy()
    pipe()
    expect(broken).toHaveBeenCalledTimes(1)
    expect(body.errored).toMatchObject({ code: 'ECONNRESET', message: /broke off/ })
  })
})

describe('what is awaited of a body', () => {
  it('is nothing before an endpoint takes it, then what has come so far', async () => {
    const { request, body, pipe } = setUp()
    expect(body.awaited).toBeUndefined()
    pipe()
    expect(body.awaited).toBe(0)
    request.push('abc')
    await soon()
    expect(body.awaited).toBe(3)
    request.push('de')
    await soon()
    expect(body.awaited).toBe(5)
  })

  it('is nothing while the endpoint does not take what has come', async () => {
    const { request, body, pipe, sink } = setUp({ slow: true })
    pipe()
    request.push('abcdef')
    await soon()
    expect(body.awaited).toBeUndefined()
    sink.take()
    await soon()
    expect(body.awaited).toBe(6)
  })

  it('is nothing where something is there to be read, or all has come', async () => {
    const { request, body, pipe } = setUp()
    pipe()
    await soon()
    request.push('abc')
    if (request.readableLength > 0) expect(body.awaited).toBeUndefined()
    await soon()
    expect(body.awaited).toBe(3)
    request.complete = true
    expect(body.awaited).toBeUndefined()
  })

  it('is nothing once the endpoint takes no more', async () => {
    const { body, pipe } = setUp()
    pipe()
    body.release()
    expect(body.awaited).toBeUndefined()
  })
})

describe('the rest of a body that the endpoint does not take', () => {
  it('is read and dropped, and its end does not end what the endpoint is sent', async () => {
    const { request, body, pipe, sink, moved } = setUp()
    pipe()
    request.push('abc')
    await soon()
    body.release()
    request.push('rest')
    request.finish()
    await soon()
    expect(sink.got).toEqual(['abc'])
    expect(sink.writableEnded).toBe(false)
    expect(moved).toHaveBeenCalledTimes(1)
    expect(request.readableEnded).toBe(true)
  })

  it('is read on though the endpoint had stopped taking', async () => {
    const { request, body, pipe, sink } = setUp({ slow: true })
    pipe()
    request.push('abcdef')
    await soon()
    expect(request.isPaused()).toBe(true)
    body.release()
    expect(request.isPaused()).toBe(false)
    request.finish()
    await soon()
    expect(request.readableEnded).toBe(true)
    expect(sink.listenerCount('drain')).toBe(0)
  })

  it('breaks off without that being told', async () => {
    const { request, body, pipe, broken } = setUp()
    pipe()
    body.release()
    request.destroy(new Error('gone'))
    await soon()
    expect(broken).not.toHaveBeenCalled()
  })

  it('stays where nobody began to take it: another endpoint may', async () => {
    const { request, body, pipe, sink } = setUp()
    request.push('abc')
    body.release()
    await soon()
    expect(request.readableFlowing).toBeNull()
    pipe()
    await soon()
    expect(sink.got).toEqual(['abc'])
  })

  it('is none of one that has come whole, which is left as it is', async () => {
    const { request, body, pipe, sink } = setUp()
    pipe()
    request.push('abc')
    request.finish()
    await ended(sink)
    const resume = vi.spyOn(request, 'resume')
    body.release()
    body.release()
    expect(resume).not.toHaveBeenCalled()
    expect(sink.got).toEqual(['abc'])
  })
})

describe('iterating over a body, as undici does', () => {
  it('gives all of it, and asks for it once', async () => {
    const { request, body, begun } = setUp()
    request.push('abc')
    const parts: string[] = []
    const all = (async () => {
      for await (const part of body) parts.push(part.toString())
    })()
    await soon()
    expect(begun).toHaveBeenCalledTimes(1)
    request.push('de')
    request.finish()
    await all
    expect(parts.join('')).toBe('abcde')
    expect(body.awaited).toBeUndefined()
  })

  it('and ending early leaves the connection, and drops the rest', async () => {
    const { request, body } = setUp()
    request.push('abc')
    for await (const part of body) {
      expect(part.toString()).toBe('abc')
      break
    }
    expect(request.destroyed).toBe(false)
    request.push('rest')
    await soon()
    expect(request.readableLength).toBe(0)
    request.finish()
    await soon()
    expect(request.readableEnded).toBe(true)
  })
})

describe('whether there is a body', () => {
  const framing = (headers: Record<string, string>, httpVersion = '1.1') =>
    framingOf({ headers, httpVersion } as unknown as IncomingMessage)

  it.each([
    [{}, 'none'],
    [{ 'content-length': '0' }, 'none'],
    [{ 'content-length': '1' }, 'body'],
    [{ 'content-length': '12' }, 'body'],
    [{ 'transfer-encoding': 'chunked' }, 'body'],
    [{ 'transfer-encoding': ' Chunked ' }, 'body'],
    [{ 'transfer-encoding': 'gzip, chunked' }, 'unknown-coding'],
    [{ 'transfer-encoding': '' }, 'unknown-coding'],
  ])('%j: %s', (headers, expected) => {
    expect(framing(headers as Record<string, string>)).toBe(expected)
  })

  it('is for HTTP/1.0 said by its length alone', () => {
    expect(framing({ 'content-length': '1' }, '1.0')).toBe('body')
    expect(framing({}, '1.0')).toBe('none')
    expect(framing({ 'transfer-encoding': 'chunked' }, '1.0')).toBe('old-coding')
  })
})

// A stream that is none of Node's requests behaves alike.
it('is taken from any readable stream', async () => {
  const request = Object.assign(new PassThrough(), { complete: false })
  const sink = new Sink()
  const body = new RequestBody(request as unknown as IncomingMessage, () => {})
  body.pipe(
    sink,
    () => {},
    () => {},
  )
  request.end('abc')
  await ended(sink)
  expect(sink.got).toEqual(['abc'])
})
