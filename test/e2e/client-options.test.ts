import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/index.js'
import type { ServiceConfig } from '../../lib/model/index.js'
import { serve, tlsFixture } from '../support/health-servers.js'

function balancerAt(url: string, service: Partial<ServiceConfig>): Balancer {
  const balancer = new Balancer({ services: { users: { endpoints: [url], ...service } } })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

/** Answers with the SNI name and the Host header that came. */
async function httpsEndpoint(): Promise<string> {
  const server = createHttpsServer({ ...tlsFixture.server, ca: tlsFixture.ca }, (request, response) => {
    response.end(
      `${(request.socket as TLSSocket & { servername?: string }).servername} ${request.headers.host}`,
    )
  })
  const { port } = await serve(server)
  return `https://127.0.0.1:${port}`
}

it('trusts the configured authority and sends the configured SNI name, whatever the Host header', async () => {
  const url = await httpsEndpoint()
  const connect = { ca: tlsFixture.ca, servername: 'users.test' }
  const plain = balancerAt(url, { client: { connect } })
  expect(await (await plain.fetch('http://users/')).text()).toBe(`users.test ${new URL(url).host}`)
  const named = balancerAt(url, { client: { connect, host: 'service' } })
  expect(await (await named.fetch('http://users/')).text()).toBe('users.test users')
})

it("sends the request's own Host header where client.host says so, and the endpoint's where it has none", async () => {
  const server = createServer((request, response) => void response.end(request.headers.host))
  const { port } = await serve(server)
  const balancer = balancerAt(`http://127.0.0.1:${port}`, { client: { host: 'request' } })
  const hostOf = async (headers?: Record<string, string>) => {
    const dispatcher = balancer.dispatcher()
    const { body } = await dispatcher.request({ origin: 'http://users', path: '/', method: 'GET', headers })
    return body.text()
  }
  expect(await hostOf({ host: 'shop.example' })).toBe('shop.example')
  expect(await hostOf()).toBe(`127.0.0.1:${port}`)
})

it('refuses a certificate that it has no reason to trust, as a failure of the endpoint', async () => {
  const balancer = balancerAt(await httpsEndpoint(), { client: { connect: { servername: 'users.test' } } })
  const failure = (await balancer.fetch('http://users/').catch((error: unknown) => error)) as Error
  expect(failure.cause).toMatchObject({ code: expect.stringMatching(/CERT|SELF_SIGNED|ISSUER|VERIFY/) })
  expect(balancer.stats().services.users).toMatchObject({ requests: 1, failed: 1, inFlight: 0 })
})

it('speaks HTTP/2 where allowH2 asks for it, many requests on one connection', async () => {
  const h2 = createSecureServer({ ...tlsFixture.server, ca: tlsFixture.ca }, (request, response) => {
    response.end(`HTTP/${request.httpVersion}`)
  })
  const { port, accepted } = await serve(h2 as never)
  const client = { connect: { ca: tlsFixture.ca, servername: 'users.test' }, allowH2: true, connections: 1 }
  const balancer = balancerAt(`https://127.0.0.1:${port}`, { client })
  const answers = await Promise.all(
    Array.from({ length: 10 }, async () => (await balancer.fetch('http://users/')).text()),
  )
  expect(answers).toEqual(Array(10).fill('HTTP/2.0'))
  expect(accepted()).toBe(1)
  expect(balancer.stats().services.users).toMatchObject({ requests: 10, succeeded: 10, inFlight: 0 })
})

it('gives up after headersTimeout, which is a failure, and no answer: its wait raises the average', async () => {
  const { port } = await serve(createTcpServer(() => {}))
  const balancer = balancerAt(`http://127.0.0.1:${port}`, { client: { headersTimeout: 300 }, retry: false })
  const failure = (await balancer.fetch('http://users/').catch((error: unknown) => error)) as Error
  expect(failure.cause).toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' })
  const { users } = balancer.stats().services
  expect(users).toMatchObject({ failed: 1, inFlight: 0, latencyMs: { count: 0 } })
  expect(Object.values(users.endpoints)[0].averageLatencyMs).toBeGreaterThan(200)
})
