/** Which header fields the proxy hands on, in both directions: each case is one message in, one list of fields out. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  answerHeaders,
  authority,
  requestHeaders,
  responseHeaders,
  statusTextOf,
} from '../../../lib/cli/proxy/headers.js'

const VIA = ['via', '1.1 fairlead']

/** A request with these fields, as Node's parser gives it. */
function request(raw: string[], method = 'GET'): IncomingMessage {
  const message = new IncomingMessage(new Socket())
  message.httpVersion = '1.1'
  message.method = method
  message.rawHeaders = raw
  message.headers = {}
  for (let i = 0; i < raw.length; i += 2) message.headers[raw[i].toLowerCase()] = raw[i + 1]
  return message
}

const handedOn = (raw: string[], trusted = false): string[] => requestHeaders(request(raw), trusted, [])

const buffers = (raw: string[]): Buffer[] => raw.map((text) => Buffer.from(text, 'latin1'))
const answered = (raw: string[], origin = 'http://users'): string[] => responseHeaders(buffers(raw), origin)

describe('fields of requests', () => {
  it('go on as they were written, the first and the last too, between what is told of the client and `via`', () => {
    const raw = ['Accept', '*/*', 'X-Number', '7', 'x-number', '8']
    const headers = requestHeaders(request(raw), false, ['x-forwarded-for', '192.0.2.1'])
    expect(headers).toEqual(['x-forwarded-for', '192.0.2.1', ...raw, ...VIA])
  })

  it('name the version that the client spoke', () => {
    const old = request([])
    old.httpVersion = '1.0'
    expect(requestHeaders(old, false, [])).toEqual(['via', '1.0 fairlead'])
  })

  it.each([
    'Connection',
    'keep-alive',
    'Proxy-Authenticate',
    'proxy-authorization',
    'proxy-connection',
    'TE',
    'Transfer-Encoding',
    'upgrade',
  ])('of one connection only stay here, whoever sends them: %s', (name) => {
    expect(handedOn([name, 'close', 'x-kept', '1'])).toEqual(['x-kept', '1', ...VIA])
    expect(handedOn([name, 'close', 'x-kept', '1'], true)).toEqual(['x-kept', '1', ...VIA])
  })

  it.each(['Host', 'expect', 'Forwarded', 'proxy', 'trailer', 'x-real-ip', 'x-forwarded-for'])(
    'that are decided here are not handed on, not even from trusted peers: %s',
    (name) => {
      expect(handedOn([name, 'x'], true)).toEqual(VIA)
      expect(handedOn([name, 'x'], false)).toEqual(VIA)
    },
  )

  it.each([
    'X-Forwarded-Port',
    'x-forwarded-anything',
    'cf-connecting-ip',
    'X-Original-URL',
    'true-client-ip',
  ])('by which proxies name the client are believed of trusted peers only: %s', (name) => {
    expect(handedOn([name, 'x'], true)).toEqual([name, 'x', ...VIA])
    expect(handedOn([name, 'x'], false)).toEqual(VIA)
  })

  it('that `connection` names stay here, in any case and between any blanks', () => {
    const raw = [
      'connection',
      'keep-alive ,  X-Secret,x-other',
      'x-secret',
      '1',
      'X-Other',
      '2',
      'x-kept',
      '3',
    ]
    expect(handedOn(raw)).toEqual(['x-kept', '3', ...VIA])
  })

  it.each(['close', 'keep-alive', 'Keep-Alive'])(
    'named like an option of `connection`, %s, are fields',
    (option) => {
      expect(handedOn(['connection', option, 'close', '1'])).toEqual(['close', '1', ...VIA])
    },
  )

  it('keep the length even where `connection` names it: it says where the body ends', () => {
    const raw = ['connection', 'content-length, x-a', 'content-length', '5', 'x-a', '1']
    expect(handedOn(raw)).toEqual(['content-length', '5', ...VIA])
  })

  it.each([
    'X_Forwarded_For',
    'x_real_ip',
    'content_length',
    'transfer.encoding',
    'x_forwarded_port',
    'HOST_',
  ])('that CGI would take for one of those stay here, though a trusted peer sends them: %s', (name) => {
    const isOther = name === 'HOST_'
    for (const trusted of [true, false]) {
      expect(handedOn([name, '1'], trusted)).toEqual(isOther ? [name, '1', ...VIA] : VIA)
    }
  })

  it('with other signs in their names go on', () => {
    expect(handedOn(['x_number', '1', "it's", '2'])).toEqual(['x_number', '1', "it's", '2', ...VIA])
  })
})

describe('fields of answers', () => {
  it('go on as they were written, byte for byte, the first and the last too', () => {
    const raw = [
      'Content-Type',
      'text/plain',
      'X-Name',
      'M\xfcller',
      'set-cookie',
      'a=1',
      'set-cookie',
      'b=2',
    ]
    expect(answered(raw)).toEqual(raw)
  })

  it('are none where there are none', () => {
    expect(answered([])).toEqual([])
  })

  it.each(['connection', 'Keep-Alive', 'proxy-authenticate', 'te', 'Transfer-Encoding', 'Upgrade'])(
    'of one connection only stay here: %s',
    (name) => {
      expect(answered(['x-first', '1', name, 'x', 'x-last', '2'])).toEqual(['x-first', '1', 'x-last', '2'])
    },
  )

  it('that `connection` names stay here, also those before it, and those of a second `connection`', () => {
    const raw = ['x-a', '1', 'Connection', 'X-A, close', 'x-b', '2', 'connection', 'x-b', 'x-c', '3']
    expect(answered(raw)).toEqual(['x-c', '3'])
    expect(answered(['x-a', '1', 'connection', 'x-a', 'x-c', '3'])).toEqual(['x-c', '3'])
  })

  it('lose the length where there is a coding, which overrides it, and keep it where there is none', () => {
    const length = ['content-length', '5', 'x-a', '1']
    expect(answered([...length, 'transfer-encoding', 'chunked'])).toEqual(['x-a', '1'])
    expect(answered(['Transfer-Encoding', 'chunked', 'Content-Length', '5', 'x-a', '1'])).toEqual([
      'x-a',
      '1',
    ])
    expect(answered([...length, 'connection', 'content-length'])).toEqual(length)
  })
})

describe('the location of an answer', () => {
  it.each([
    // On the service itself: its name is fairlead's own, so the path remains.
    ['http://users/a?b#c', '/a?b#c'],
    ['http://users', '/'],
    ['http://users?b', '/?b'],
    ['http://users#c', '/#c'],
    ['http://users/', '/'],
    // These would name another host.
    ['http://users//other.example/', '/.//other.example/'],
    ['http://users/\\other.example/', '/./\\other.example/'],
    ['http://users/\t/other.example/', '/./\t/other.example/'],
    ['http://users/\t\t\\other.example', '/./\t\t\\other.example'],
    // Not on the service.
    ['http://users.example/a', 'http://users.example/a'],
    ['http://users:8080/a', 'http://users:8080/a'],
    ['https://users/a', 'https://users/a'],
    ['/a', '/a'],
    ['a', 'a'],
  ])('%j is %j for the client', (location, expected) => {
    expect(answered(['Location', location])).toEqual(['Location', expected])
  })

  it('is left as it is where there is no origin, and other fields are no location', () => {
    expect(answered(['location', '//a'], '')).toEqual(['location', '//a'])
    expect(answered(['content-location', 'http://users/a'])).toEqual(['content-location', 'http://users/a'])
  })
})

describe('fields of an answer as it goes out', () => {
  const out = (status: number, headers: string[], method = 'GET', chunks = true): string[] => {
    const response = new ServerResponse(request([], method))
    response.useChunkedEncodingByDefault = chunks
    return answerHeaders(response, status, headers)
  }

  it('are what they were where neither trailers nor a length are in question', () => {
    expect(out(200, ['x-a', '1', 'Content-Length', '5'])).toEqual(['x-a', '1', 'Content-Length', '5'])
    expect(out(204, ['x-a', '1', 'x-last', '2'])).toEqual(['x-a', '1', 'x-last', '2'])
  })

  it('announce trailers only where the body is chunked', () => {
    const raw = ['x-a', '1', 'Trailer', 'x-sum', 'x-b', '2']
    const without = ['x-a', '1', 'x-b', '2']
    expect(out(200, raw)).toEqual(raw)
    expect(out(200, raw, 'HEAD')).toEqual(without)
    expect(out(204, raw)).toEqual(without)
    expect(out(304, raw)).toEqual(without)
    expect(out(200, raw, 'GET', false)).toEqual(without)
    expect(out(200, [...raw, 'Content-Length', '5'])).toEqual([...without, 'Content-Length', '5'])
    // As long a name as `content-length`.
    expect(out(200, [...raw, 'accept-charset', '5'])).toEqual([...raw, 'accept-charset', '5'])
  })

  it('have no length with 204, wherever it stands, and keep it with any other status', () => {
    expect(out(204, ['Content-Length', '0', 'x-a', '1'])).toEqual(['x-a', '1'])
    expect(out(204, ['x-a', '1', 'content-length', '0'])).toEqual(['x-a', '1'])
    expect(out(304, ['x-a', '1', 'content-length', '9'])).toEqual(['x-a', '1', 'content-length', '9'])
    const both = ['content-length', '9', 'trailer', 'x-sum']
    expect(out(204, both)).toEqual([])
    expect(out(304, both)).toEqual(['content-length', '9'])
  })

  it('go by names, whatever values look like', () => {
    const raw = ['x-a', 'trailer', 'x-b', 'content-length']
    expect(out(204, raw, 'HEAD')).toEqual(raw)
    expect(out(204, [...raw, 'trailer', 'x-c'])).toEqual(raw)
  })
})

describe('the status text', () => {
  it.each([
    [200, 'Fine', 'Fine'],
    [200, '', ''],
    [404, 'with\ttab ~', 'with\ttab ~'],
    // Read as UTF-8, sent byte for byte.
    [200, 'Gr\u00fc\u00dfe', 'Gr\xc3\xbc\xc3\x9fe'],
    [200, '\u4f60', '\xe4\xbd\xa0'],
    // Nothing that Node would send: the standard text, or none.
    [404, 'a\u0001b', 'Not Found'],
    [599, 'a\u0001b', ''],
  ])('%i %j is %j', (status, text, expected) => {
    expect(statusTextOf(status, text)).toBe(expected)
  })
})

describe('host and port', () => {
  it('are joined as a URL has them', () => {
    expect(authority('127.0.0.1', 80)).toBe('127.0.0.1:80')
    expect(authority('localhost', 8080)).toBe('localhost:8080')
    expect(authority('::1', 8080)).toBe('[::1]:8080')
  })
})
