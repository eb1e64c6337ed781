/** How a request is said to an endpoint: what becomes of a service's options, of fields, errors and idle connections. */
import type { Agent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { PassThrough } from 'node:stream'
import type { Dispatcher } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { asUndiciError } from '../../../lib/cli/proxy/endpoint-errors.js'
import { asUtf8, fieldOf, requestOptions } from '../../../lib/cli/proxy/endpoint-message.js'
import { endpointOptions as optionsFor } from '../../../lib/cli/proxy/endpoint-options.js'
import { keepingAgent, noteKeepAlive } from '../../../lib/cli/proxy/keeping-agent.js'
import type { ResolvedClient } from '../../../lib/connections/options.js'

const AGENT = {} as Agent
/** With the options of a service that matter to a case. */
const endpointOptions = (url: string, client: object) => optionsFor(url, client as ResolvedClient)
type Given = Partial<Dispatcher.DispatchOptions> & { servername?: string }

function sent(given: Given, url = 'http://10.0.0.1:8080', client: object = {}) {
  const options = { path: '/', method: 'GET', headers: [], body: null, upgrade: null, ...given }
  return requestOptions(options as never, endpointOptions(url, client), AGENT) as ReturnType<
    typeof requestOptions
  > & {
    servername?: string
    headers: string[]
  }
}

describe('a request for an endpoint', () => {
  it('goes to its address, by the agent, with the path and method as they are', () => {
    expect(sent({ path: '/a?b', method: 'PATCH', headers: ['host', 'x', 'content-length', '1'] })).toEqual({
      agent: AGENT,
      host: '10.0.0.1',
      port: 8080,
      path: '/a?b',
      method: 'PATCH',
      headers: ['host', 'x', 'content-length', '1'],
      setHost: false,
    })
  })

  it('names the endpoint where it names no host', () => {
    expect(sent({ headers: ['x-a', '1'] }).headers).toEqual(['host', '10.0.0.1:8080', 'x-a', '1'])
    expect(sent({ headers: undefined }).headers).toEqual(['host', '10.0.0.1:8080'])
    expect(sent({ headers: ['HOST', 'a'] }).headers).toEqual(['HOST', 'a'])
  })

  it('leaves the list that it was given as it was', () => {
    const headers = ['x-a', '1']
    sent({ headers })
    expect(headers).toEqual(['x-a', '1'])
  })

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])('has no length without a body: %s', (method) => {
    expect(sent({ method: method as never, headers: ['host', 'a'] }).headers).toEqual(['host', 'a'])
  })

  it.each(['POST', 'PUT', 'PATCH', 'PROPFIND'])(
    'says that it has no body where one could come: %s',
    (method) => {
      expect(sent({ method: method as never, headers: ['host', 'a'] }).headers).toEqual([
        ...['host', 'a', 'content-length', '0'],
      ])
      const given = ['host', 'a', 'Content-Length', '0']
      expect(sent({ method: method as never, headers: given }).headers).toEqual(given)
    },
  )

  it('sends a body by its length where that is known, else in chunks', () => {
    const body = 'body'
    expect(sent({ method: 'POST', body, headers: ['host', 'a', 'content-length', '4'] }).headers).toEqual([
      ...['host', 'a', 'content-length', '4'],
    ])
    expect(sent({ method: 'POST', body, headers: ['host', 'a'] }).headers).toEqual([
      ...['host', 'a', 'transfer-encoding', 'chunked'],
    ])
    expect(sent({ body, headers: ['host', 'a'] }).headers).toContain('chunked')
  })

  it('asks for an upgrade where it is for one', () => {
    expect(sent({ upgrade: 'websocket', headers: ['host', 'a'] }).headers).toEqual([
      ...['host', 'a', 'connection', 'upgrade', 'upgrade', 'websocket'],
    ])
  })

  it('takes header fields up to the size that is set', () => {
    expect('maxHeaderSize' in sent({})).toBe(false)
    expect(sent({}, undefined, { maxHeaderSize: 99 }).maxHeaderSize).toBe(99)
  })
})

describe('the name for TLS', () => {
  const URL = 'https://10.0.0.1:8443'
  const name = (given: Given, client: object = {}, url = URL) => sent(given, url, client).servername

  it('is none where there is no TLS', () => {
    expect('servername' in sent({ headers: ['host', 'shop.example'] })).toBe(false)
  })

  it('is the one that is set, then that of the request, then that of its Host field, then the address', () => {
    const headers = ['host', 'shop.example:80']
    expect(name({ headers, servername: 'asked.example' }, { connect: { servername: 'set.example' } })).toBe(
      'set.example',
    )
    expect(name({ headers, servername: 'asked.example' })).toBe('asked.example')
    expect(name({ headers })).toBe('shop.example')
    expect(name({}, {}, 'https://endpoint.example')).toBe('endpoint.example')
  })

  it("is the endpoint's where the Host field is the client's own, or the endpoint's", () => {
    const headers = ['host', 'shop.example']
    for (const host of ['endpoint', 'request'])
      expect(name({ headers }, { host }, 'https://endpoint.example:1')).toBe('endpoint.example')
    expect(name({ headers }, { host: 'service' }, 'https://endpoint.example:1')).toBe('shop.example')
  })

  it.each(['10.0.0.1', '10.0.0.1:80', '[::1]:80', '[::1]'])('is none for an address: %s', (host) => {
    expect(name({ headers: ['host', host] })).toBe('')
  })

  it('is none for an IPv6 endpoint', () => {
    expect(name({}, { host: 'endpoint' }, 'https://[::1]:8443')).toBe('')
  })
})

describe("a service's options for an endpoint", () => {
  it("are undici's defaults where nothing is set", () => {
    expect(endpointOptions('http://a.example', {})).toEqual({
      secure: false,
      authority: 'a.example',
      host: 'a.example',
      port: 80,
      connect: {},
      servername: undefined,
      connections: Number.POSITIVE_INFINITY,
      keepAlive: true,
      headersTimeout: 300_000,
      bodyTimeout: 300_000,
      connectTimeout: 10_000,
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 600_000,
      maxConnectionAgeMs: 0,
      maxHeaderSize: undefined,
      maxResponseSize: -1,
    })
  })

  it('are what is set', () => {
    const set = {
      connections: 3,
      headersTimeout: 0,
      bodyTimeout: 1,
      connectTimeout: 2,
      keepAliveTimeout: 4,
      keepAliveMaxTimeout: 5,
      maxConnectionAgeMs: 6,
      maxHeaderSize: 7,
      maxResponseSize: 0,
    }
    expect(endpointOptions('http://a.example:81', set)).toMatchObject({
      ...set,
      port: 81,
      authority: 'a.example:81',
    })
    expect(endpointOptions('http://a.example', { pipelining: 0 }).keepAlive).toBe(false)
    expect(endpointOptions('http://a.example', { pipelining: 1 }).keepAlive).toBe(true)
  })

  it('of TLS are its own, without those that are for something else', () => {
    const connect = { ca: 'ca', servername: 'set.example', timeout: 9 }
    expect(endpointOptions('https://[::1]', { connect, connectTimeout: 2 })).toMatchObject({
      secure: true,
      port: 443,
      host: '::1',
      authority: '[::1]',
      connect: { ca: 'ca' },
      servername: 'set.example',
      connectTimeout: 9,
    })
    expect(endpointOptions('https://a.example', { connect }).connect).toEqual({ ca: 'ca' })
  })
})

describe('a field of a flat list', () => {
  it('is found by its name in any case, wherever it stands; of several, all', () => {
    const fields = ['A', '1', 'b', 'a', 'a', '2', 'ab', '3']
    expect(fieldOf(fields, 'a')).toBe('1, 2')
    expect(fieldOf(fields, 'ab')).toBe('3')
    expect(fieldOf(fields, 'b')).toBe('a')
    expect(fieldOf(fields, 'c')).toBeUndefined()
    expect(fieldOf(['a', ''], 'a')).toBe('')
    expect(fieldOf([], 'a')).toBeUndefined()
  })

  it('that is a text is read as UTF-8 where it is more than ASCII', () => {
    expect(asUtf8('OK')).toBe('OK')
    expect(asUtf8('Gr\xc3\xbc\xc3\x9fe')).toBe('Gr\u00fc\u00dfe')
  })
})

describe("an error of Node's client", () => {
  const error = (code: string, message = 'message') => Object.assign(new Error(message), { code })

  it('is what undici says of fields that are too long', () => {
    const cause = error('HPE_HEADER_OVERFLOW')
    expect(asUndiciError(cause, false)).toMatchObject({ code: 'UND_ERR_HEADERS_OVERFLOW', cause })
  })

  it('is what undici says of a connection that the other side has closed', () => {
    const hungUp = error('ECONNRESET', 'socket hang up')
    expect(asUndiciError(hungUp, false)).toMatchObject({ code: 'UND_ERR_SOCKET', cause: hungUp })
    const reset = error('ECONNRESET', 'read ECONNRESET')
    expect(asUndiciError(reset, true)).toMatchObject({ code: 'UND_ERR_SOCKET', cause: reset })
    expect(asUndiciError(reset, false)).toBe(reset)
  })

  it('is left as it is otherwise', () => {
    const refused = error('ECONNREFUSED', 'socket hang up')
    expect(asUndiciError(refused, true)).toBe(refused)
  })
})

describe('an idle connection', () => {
  interface Keeping {
    keepSocketAlive(socket: unknown): boolean
  }
  const agent = (client: object) =>
    keepingAgent(
      endpointOptions('http://a.example', { keepAliveTimeout: 4_000, ...client }),
    ) as unknown as Keeping
  const socket = (rest: object = {}) =>
    Object.assign(new PassThrough(), { timeout: undefined, setTimeout: vi.fn() }, rest)

  it('is kept for the time that is set', () => {
    const idle = socket()
    expect(agent({}).keepSocketAlive(idle)).toBe(true)
    expect(idle.setTimeout.mock.calls).toEqual([[4_000]])
    // Which needs no saying twice.
    const known = socket({ timeout: 4_000 })
    expect(agent({}).keepSocketAlive(known)).toBe(true)
    expect(known.setTimeout).not.toHaveBeenCalled()
  })

  it('is not kept where it is gone, or where something has come that nobody has asked for', () => {
    const gone = socket()
    gone.destroy()
    expect(agent({}).keepSocketAlive(gone)).toBe(false)
    const noisy = socket()
    noisy.write('y')
    expect(agent({}).keepSocketAlive(noisy)).toBe(false)
    expect(agent({ keepAliveTimeout: 0 }).keepSocketAlive(socket())).toBe(false)
    expect(agent({ keepAliveTimeout: 1 }).keepSocketAlive(socket())).toBe(true)
  })

  it.each([
    ['timeout=30', 28_000],
    ['max=5, timeout=30', 28_000],
    ['Timeout=30;max=5', 28_000],
    // Not longer than it may ask for.
    ['timeout=900', 600_000],
    // No time at all.
    ['max=5', 4_000],
    ['xtimeout=30', 4_000],
  ])('is kept for as long as the endpoint says, less two seconds: %s', (field, ms) => {
    const idle = socket()
    noteKeepAlive(idle, field)
    // The same field again, on another connection.
    const other = socket()
    noteKeepAlive(other, field)
    for (const one of [idle, other]) {
      expect(agent({}).keepSocketAlive(one)).toBe(true)
      expect(one.setTimeout.mock.calls).toEqual([[ms]])
    }
  })

  it('is not kept where the endpoint keeps it two seconds or less', () => {
    const idle = socket()
    noteKeepAlive(idle, 'timeout=2')
    expect(agent({}).keepSocketAlive(idle)).toBe(false)
    noteKeepAlive(idle, 'timeout=3')
    expect(agent({}).keepSocketAlive(idle)).toBe(true)
    // An answer that does not say it leaves it at that.
    noteKeepAlive(idle, 'max=5')
    expect(agent({}).keepSocketAlive(idle)).toBe(true)
    expect(idle.setTimeout.mock.calls).toEqual([[1_000], [1_000]])
  })

  it('is not kept beyond its age, which begins when it is first kept', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const keeping = agent({ maxConnectionAgeMs: 10_000 })
      const idle = socket()
      expect(keeping.keepSocketAlive(idle)).toBe(true)
      // Ages differ by a tenth, so that connections do not all end at once.
      vi.advanceTimersByTime(8_900)
      expect(keeping.keepSocketAlive(idle)).toBe(true)
      vi.advanceTimersByTime(2_200)
      expect(keeping.keepSocketAlive(idle)).toBe(false)
      expect(keeping.keepSocketAlive(socket())).toBe(true)
      const shortest = agent({ maxConnectionAgeMs: 1 })
      const young = socket()
      expect(shortest.keepSocketAlive(young)).toBe(true)
      vi.advanceTimersByTime(2)
      expect(shortest.keepSocketAlive(young)).toBe(false)
      const unlimited = agent({})
      vi.advanceTimersByTime(1_000_000)
      expect(unlimited.keepSocketAlive(idle)).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is one of as many as are set, kept by TCP, and speaks HTTP/1.1 over TLS', () => {
    const agentFor = (url: string, client: object) =>
      keepingAgent(endpointOptions(url, client)) as Agent & { options: object }
    const { options, maxSockets, maxFreeSockets } = agentFor('https://a.example', {
      connections: 3,
      connect: { ca: 'ca' },
    })
    expect({ maxSockets, maxFreeSockets }).toEqual({ maxSockets: 3, maxFreeSockets: 1_000_000 })
    expect(options).toMatchObject({
      ca: 'ca',
      keepAlive: true,
      keepAliveMsecs: 60_000,
      ALPNProtocols: ['http/1.1'],
    })
    expect(agentFor('https://a.example', {})).toBeInstanceOf(HttpsAgent)
    const plain = agentFor('http://a.example', { pipelining: 0 })
    expect(plain).not.toBeInstanceOf(HttpsAgent)
    expect(plain.options).toMatchObject({ keepAlive: false })
    expect(plain.options).not.toHaveProperty('ALPNProtocols')
  })
})
