import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttpCheck, type HttpHealthConfig } from '../../lib/health/active/http-check.js'
import type { ClientConfig } from '../../lib/model/index.js'
import { endpointAt, noAbort, type Served, serve, tlsFixture } from '../support/health-servers.js'

const TIMEOUT_MS = 2000
const { ca } = tlsFixture

function checkOf(http: HttpHealthConfig = {}, client: ClientConfig = {}, service?: string) {
  const made = createHttpCheck(http, client, service)
  onTestFinished(() => made.close())
  return made
}

const answering =
  (status: number, headers = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end('x')
const http = (listener: RequestListener): Promise<Served> => serve(createHttpServer(listener))
const urlOf = ({ port }: Served): string => `http://127.0.0.1:${port}`

async function statusOf(status: number, config: HttpHealthConfig = {}, headers = {}) {
  const server = await http(answering(status, headers))
  const { ok, detail } = await checkOf(config).check(endpointAt(urlOf(server)), TIMEOUT_MS, noAbort())
  return [ok, detail]
}

describe('status', () => {
  it('passes for 200 to 299 unless configured', async () => {
    expect(await statusOf(200)).toEqual([true, 'answered 200'])
    expect(await statusOf(204)).toEqual([true, 'answered 204'])
    expect(await statusOf(299)).toEqual([true, 'answered 299'])
    expect(await statusOf(503)).toEqual([false, 'answered 503, expected 200-299'])
    expect(await statusOf(404)).toEqual([false, 'answered 404, expected 200-299'])
  })

  it('takes single codes and ranges', async () => {
    const expected: HttpHealthConfig = { expect: [200, [401, 404]] }
    expect(await statusOf(200, expected)).toEqual([true, 'answered 200'])
    expect(await statusOf(404, expected)).toEqual([true, 'answered 404'])
    expect(await statusOf(201, expected)).toEqual([false, 'answered 201, expected 200, 401-404'])
    expect(await statusOf(405, expected)).toEqual([false, 'answered 405, expected 200, 401-404'])
  })

  it('does not follow a redirect: its own status counts', async () => {
    expect(await statusOf(302, {}, { location: '/elsewhere' })).toEqual([
      false,
      'answered 302, expected 200-299',
    ])
    expect(await statusOf(302, { expect: [302] }, { location: '/elsewhere' })).toEqual([true, 'answered 302'])
  })

  it('waits for the answer behind 1xx announcements', async () => {
    const server = await http((_request, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(503).end()
    })
    const result = await checkOf({ expect: [[100, 299]] }).check(
      endpointAt(urlOf(server)),
      TIMEOUT_MS,
      noAbort(),
    )
    expect(result).toMatchObject({ ok: false, detail: 'answered 503, expected 100-299' })
  })

  it('tells how long the headers took', async () => {
    const server = await http((_request, response) => void setTimeout(() => response.end(), 30))
    const { latencyMs } = await checkOf().check(endpointAt(urlOf(server)), TIMEOUT_MS, noAbort())
    expect(latencyMs).toBeGreaterThanOrEqual(29)
    expect(latencyMs).toBeLessThan(TIMEOUT_MS)
  })
})

describe('request', () => {
  async function seen(config: HttpHealthConfig, client: ClientConfig = {}, service?: string) {
    const requests: { method?: string; url?: string; headers: Record<string, unknown> }[] = []
    const server = await http(({ method, url, headers }, response) => {
      requests.push({ method, url, headers })
      response.end()
    })
    const result = await checkOf(config, client, service).check(
      endpointAt(urlOf(server)),
      TIMEOUT_MS,
      noAbort(),
    )
    expect(result.ok).toBe(true)
    expect(requests).toHaveLength(1)
    return { ...requests[0], port: server.port }
  }

  it('is GET / by fairlead-health to the endpoint, unless configured', async () => {
    const { method, url, headers, port } = await seen({})
    expect([method, url, headers['user-agent'], headers.host]).toEqual([
      'GET',
      '/',
      'fairlead-health',
      `127.0.0.1:${port}`,
    ])
  })

  it('has the configured path, method and headers', async () => {
    const { method, url, headers } = await seen({
      path: '/healthz?deep=1',
      method: 'HEAD',
      headers: { 'X-Check': 'yes', 'User-Agent': 'mine' },
    })
    expect([method, url, headers['x-check'], headers['user-agent']]).toEqual([
      'HEAD',
      '/healthz?deep=1',
      'yes',
      'mine',
    ])
  })

  it.each<[string, HttpHealthConfig, ClientConfig, string]>([
    ['http.host', { host: 'users.test', headers: { Host: 'other.test' } }, { host: 'service' }, 'users.test'],
    ['a configured Host header', { headers: { Host: 'other.test' } }, { host: 'service' }, 'other.test'],
    ["the service's name, as its requests", {}, { host: 'service' }, 'users'],
    ['the text of client.host', {}, { host: 'api.test' }, 'api.test'],
    [
      'a configured Host header, of no request',
      { headers: { Host: 'a.test' } },
      { host: 'request' },
      'a.test',
    ],
  ])('has as its Host %s', async (_what, config, client, host) => {
    expect((await seen(config, client, 'users')).headers.host).toBe(host)
  })

  it("has the endpoint's as its Host where client.host is the request's: it is none of a client's", async () => {
    const { headers, port } = await seen({}, { host: 'request' }, 'users')
    expect(headers.host).toBe(`127.0.0.1:${port}`)
  })
})

describe('connection', () => {
  it('is kept for the next check and closed by close', async () => {
    const server = await http(answering(200))
    const { check, close } = checkOf()
    for (let i = 0; i < 5; i++)
      expect((await check(endpointAt(urlOf(server)), TIMEOUT_MS, noAbort())).ok).toBe(true)
    expect(server.accepted()).toBe(1)
    await close()
    await server.allClosed()
    expect(await check(endpointAt(urlOf(server)), TIMEOUT_MS, noAbort())).toMatchObject({
      ok: false,
      detail: 'this check was closed',
    })
    expect(server.accepted()).toBe(1)
  })

  it('is closed by release', async () => {
    const server = await http(answering(200))
    const { check, release } = checkOf()
    await check(endpointAt(urlOf(server), 'a'), TIMEOUT_MS, noAbort())
    await release('a')
    await release('unknown')
    await server.allClosed()
  })

  it('is made anew where the endpoint has another URL', async () => {
    const [first, second] = [await http(answering(200)), await http(answering(204))]
    const { check } = checkOf()
    expect((await check(endpointAt(urlOf(first), 'a'), TIMEOUT_MS, noAbort())).detail).toBe('answered 200')
    expect((await check(endpointAt(urlOf(second), 'a'), TIMEOUT_MS, noAbort())).detail).toBe('answered 204')
    await first.allClosed()
  })

  it('works over IPv6 literals', async ({ skip }) => {
    const server = createHttpServer(answering(200))
    const listening = await new Promise<boolean>((resolve) =>
      server.on('error', () => resolve(false)).listen(0, '::1', () => resolve(true)),
    )
    if (!listening) skip('this machine has no IPv6')
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    expect(await checkOf().check(endpointAt(`http://[::1]:${port}`), TIMEOUT_MS, noAbort())).toMatchObject({
      ok: true,
    })
  })
})

describe('HTTPS', () => {
  const secure = (names: string[] = []): Promise<Served> =>
    serve(
      createHttpsServer(tlsFixture.server, (request, response) => {
        names.push(String((request.socket as TLSSocket).servername))
        response.end()
      }),
    )

  it("trusts the service's authority", async () => {
    const server = await secure()
    const { check } = checkOf({}, { connect: { ca } })
    expect(await check(endpointAt(`https://localhost:${server.port}`), TIMEOUT_MS, noAbort())).toMatchObject({
      ok: true,
      detail: 'answered 200',
    })
    expect(await check(endpointAt(`https://127.0.0.1:${server.port}`), TIMEOUT_MS, noAbort())).toMatchObject({
      ok: true,
    })
  })

  it('fails for a certificate that it does not trust, and says why', async () => {
    const server = await secure()
    const result = await checkOf().check(
      endpointAt(`https://localhost:${server.port}`),
      TIMEOUT_MS,
      noAbort(),
    )
    expect(result).toMatchObject({
      ok: false,
      // Node's own words, to which newer versions add an advice.
      detail: expect.stringMatching(
        /^unable to verify the first certificate(; [^()]+)? \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)$/,
      ),
    })
    await server.allClosed()
  })

  it.each<[string, HttpHealthConfig, ClientConfig, string]>([
    ['http.host', { host: 'users.test:8443' }, { connect: { ca, servername: 'localhost' } }, 'users.test'],
    ['connect.servername', {}, { connect: { ca, servername: 'users.test' } }, 'users.test'],
    [
      'connect.servername, whatever client.host',
      {},
      { connect: { ca, servername: 'users.test' }, host: 'api.test' },
      'users.test',
    ],
    ["the endpoint's host", {}, { connect: { ca } }, 'localhost'],
  ])('has as its SNI name %s', async (_what, config, client, name) => {
    const names: string[] = []
    const server = await secure(names)
    const result = await checkOf(config, client).check(
      endpointAt(`https://localhost:${server.port}`),
      TIMEOUT_MS,
      noAbort(),
    )
    expect(result).toMatchObject({ ok: true })
    expect(names).toEqual([name])
  })

  it('fails where the certificate is for another name', async () => {
    const server = await secure()
    const check = checkOf({ host: 'wrong.test' }, { connect: { ca } })
    const result = await check.check(endpointAt(`https://localhost:${server.port}`), TIMEOUT_MS, noAbort())
    expect(result.ok).toBe(false)
    expect(result.detail).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
    await server.allClosed()
  })
})

describe('HTTP/2', () => {
  it.each([
    [true, '2.0'],
    [undefined, '1.1'],
  ])('is spoken where allowH2 is %s: version %s', async (allowH2, version) => {
    const versions: string[] = []
    const authorities: unknown[] = []
    const server = await serve(
      createSecureServer({ ...tlsFixture.server, allowHTTP1: true }, (request, response) => {
        versions.push(request.httpVersion)
        authorities.push(request.headers[':authority'] ?? request.headers.host)
        response.writeHead(versions.length === 3 ? 503 : 200).end('body')
      }),
    )
    const made = checkOf({ host: 'users.test' }, { allowH2, connect: { ca } })
    const results = []
    for (let i = 0; i < 3; i++)
      results.push(await made.check(endpointAt(`https://localhost:${server.port}`), TIMEOUT_MS, noAbort()))
    expect(results.map(({ detail }) => detail)).toEqual([
      'answered 200',
      'answered 200',
      'answered 503, expected 200-299',
    ])
    expect(versions).toEqual([version, version, version])
    expect(authorities).toEqual(['users.test', 'users.test', 'users.test'])
    expect(server.accepted()).toBe(1)
    await made.close()
    await server.allClosed()
  })
})
