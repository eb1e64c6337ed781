/** Hosts, forwarding fields and redirects: nothing by which a client or an endpoint leads the other astray. */
import { describe, expect, it } from 'vitest'
import { forwardingFields, parseRange, TrustedProxies } from '../../lib/cli/proxy/forwarded.js'
import { canonicalHost, isAuthority } from '../../lib/cli/proxy/host.js'
import { RouteTable } from '../../lib/cli/proxy/routes.js'
import { runCli, temporaryFile } from './cli-process.js'
import { ask, startEndpoint, startProxy } from './proxy-fixtures.js'

/** Answers with the header fields that came. */
const echo = () =>
  startEndpoint((request, response) => {
    const list = request.rawHeaders.flatMap((name, i, all) =>
      i % 2 === 0 ? [`${name.toLowerCase()}: ${all[i + 1]}`] : [],
    )
    response.end(JSON.stringify(list))
  })

const fieldsOf = async (port: number, headers: Record<string, string | string[]>): Promise<string[]> =>
  JSON.parse((await ask(port, '/', { headers })).body)

const SPOOFED = {
  forwarded: 'for=6.6.6.6',
  'x-real-ip': '6.6.6.6',
  'x-client-ip': '6.6.6.6',
  'true-client-ip': '6.6.6.6',
  'x-forwarded-for': '6.6.6.6',
  'x-forwarded-port': '666',
  'x-forwarded-prefix': '/6.6.6.6',
  'x-original-url': '/6.6.6.6',
  x_forwarded_for: '6.6.6.6',
  'x_forwarded.for': '6.6.6.6',
  content_length: '666',
  transfer_encoding: 'chunked, 666',
  proxy: 'http://6.6.6.6',
}

describe('fairlead proxy, forwarding fields', () => {
  it('of a client are not handed on, however they are written', async () => {
    const endpoint = await echo()
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const fields = await fieldsOf(port, { ...SPOOFED, host: 'shop.example', x_api_key: 'kept' })
    expect(fields.join('\n')).not.toMatch(/666|6\.6\.6/)
    expect(fields).toContain('x_api_key: kept')
    expect(fields).toContain('x-forwarded-for: 127.0.0.1')
    expect(fields).toContain('x-forwarded-host: shop.example')
  })

  it('of a trusted proxy are believed up to the last address that is none', async () => {
    const endpoint = await echo()
    const listen = { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] }
    const { port } = await startProxy({ listen, services: { app: { endpoints: [endpoint.url] } } })
    const fields = await fieldsOf(port, {
      'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.1.2.3',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
      'x-real-ip': '6.6.6.6',
      forwarded: 'for=203.0.113.9',
    })
    expect(fields).toContain('x-forwarded-for: 203.0.113.9, 10.1.2.3, 127.0.0.1')
    expect(fields).toContain('x-forwarded-proto: https')
    expect(fields).toContain('x-forwarded-host: shop.example')
    expect(fields).toContain('x-real-ip: 203.0.113.9')
    expect(fields).toContain('forwarded: for=203.0.113.9, for=127.0.0.1')
  })

  it('of a peer outside of the trusted ranges are not believed', async () => {
    const endpoint = await echo()
    const listen = { trustForwarded: true, trustedProxies: ['10.0.0.0/8'] }
    const { port } = await startProxy({ listen, services: { app: { endpoints: [endpoint.url] } } })
    const fields = await fieldsOf(port, { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https' })
    expect(fields).toContain('x-forwarded-for: 127.0.0.1')
    expect(fields).toContain('x-forwarded-proto: http')
  })

  const trusted = new TrustedProxies({ trustForwarded: false, trustedProxies: ['10.0.0.0/8', 'fd00::/8'] })
  const request = (field: string) => ({ headers: { 'x-forwarded-for': field } }) as never

  it.each([
    ['203.0.113.9', ['203.0.113.9'], '203.0.113.9'],
    ['6.6.6.6, 203.0.113.9', ['203.0.113.9'], '203.0.113.9'],
    ['203.0.113.9:4711, 10.0.0.2', ['203.0.113.9:4711', '10.0.0.2'], '203.0.113.9'],
    ['10.0.0.3, 10.0.0.2', ['10.0.0.3', '10.0.0.2'], '10.0.0.3'],
    ['[2001:db8::1]:80, fd00::1', ['[2001:db8::1]:80', 'fd00::1'], '2001:db8::1'],
    ['::ffff:203.0.113.9', ['::ffff:203.0.113.9'], '203.0.113.9'],
    ['unknown', [], '10.0.0.1'],
    ['6.6.6.6, <script>, 10.0.0.2', ['10.0.0.2'], '10.0.0.2'],
    ['6.6.6.6, 010.0.0.2', [], '10.0.0.1'],
    [' , ,', [], '10.0.0.1'],
  ])('name the client: %s', (field, chain, client) => {
    const peer = trusted.peer('::ffff:10.0.0.1')
    expect(peer).toEqual({ address: '10.0.0.1', trusted: true })
    expect(trusted.chain(request(field), peer)).toEqual(chain)
    expect(trusted.clientOf(chain, peer)).toBe(client)
  })

  it('hold neither a host nor a scheme that is none', () => {
    const headers = { 'x-forwarded-host': 'a"><b', 'x-forwarded-proto': 'javascript' }
    const peer = { address: '10.0.0.1', trusted: true }
    const fields = forwardingFields({ headers } as never, peer, [], '10.0.0.1', 'own.example')
    expect(fields).toEqual([
      ...['x-forwarded-for', '10.0.0.1', 'x-forwarded-proto', 'http', 'x-forwarded-host', 'own.example'],
    ])
  })

  it.each(['10.0.0.0/33', '10.0.0', 'localhost', '10.0.0.0/8/8', ''])(
    'refuses the range %j',
    async (range) => {
      expect(parseRange(range)).toBeUndefined()
      const config = { listen: { trustedProxies: [range] }, services: { app: { endpoints: [] } } }
      const file = temporaryFile('proxy.json', JSON.stringify(config))
      const { code, stderr } = await runCli(['proxy', '--config', file, '--check'])
      expect(stderr).toMatch(/listen\.trustedProxies\[0\]: .*an address or a range like `10\.0\.0\.0\/8`/)
      expect(code).toBe(1)
    },
  )
})

describe('fairlead proxy, hosts', () => {
  it.each([
    ['', true],
    ['shop.example', true],
    ['shop.example:8080', true],
    ['shop.example:', true],
    ['127.0.0.1:80', true],
    ['[::1]', true],
    ['[::1]:80', true],
    ['a_b.example', true],
    ['a.example:80@evil', false],
    ['e vil', false],
    ['a"b', false],
    ['a/b', false],
    ['a?b', false],
    ['a,b', false],
    ['a:b', false],
    ['a:65536', false],
    ['[::1', false],
    ['[::g]', false],
    ['[::1]x', false],
    ['bücher.example', false],
    ['a'.repeat(300), false],
  ])('takes %j for one: %s', (text, right) => {
    expect(isAuthority(text)).toBe(right)
  })

  it.each([
    ['Shop.Example:80', 'shop.example'],
    ['shop.example.', 'shop.example'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['[0:0:0:0:0:0:0:1]:80', '[::1]'],
  ])('compares %s as %s', (text, host) => {
    expect(canonicalHost(text)).toBe(host)
  })

  it.each([
    ['www.example.com', 'wild'],
    ['a.b.example.com', 'wild'],
    ['a.deep.example.com', 'deep'],
    ['own.example.com', 'own'],
    ['example.com', 'any'],
    ['wwwexample.com', 'any'],
  ])('of routes may begin with a wildcard: %s is for %s', (host, service) => {
    const table = new RouteTable(
      [
        { path: '/', service: 'any' },
        { host: '*.example.com', path: '/', service: 'wild' },
        { host: '*.deep.example.com', path: '/', service: 'deep' },
        { host: 'own.example.com', path: '/', service: 'own' },
      ],
      ['any', 'wild', 'deep', 'own'],
    )
    expect(table.choose(host, '/')).toBe(service)
  })

  it("are handed on where the service's client.host says so, and with absolute targets too", async () => {
    const endpoint = await echo()
    const { port } = await startProxy({
      services: { app: { endpoints: [endpoint.url], client: { host: 'request' } } },
    })
    const hostOf = async (path: string) =>
      JSON.parse((await ask(port, path, { headers: { host: 'shop.example:81' } })).body)
    expect(await hostOf('/')).toContain('host: shop.example:81')
    expect(await hostOf('http://other.example/')).toContain('host: other.example')
  })
})

describe('fairlead proxy, redirects', () => {
  it.each([
    ['//evil.example/a', '/.//evil.example/a/'],
    ['/\\evil.example/a', '/.//evil.example/a/'],
    ['/a?b=//c', '/a?b=//c/'],
  ])('of the endpoint to itself stay on the proxy: %s', async (path, location) => {
    const endpoint = await startEndpoint((request, response) => {
      response.writeHead(301, { location: `http://${request.headers.host}${request.url}/` }).end()
    })
    for (const client of [{}, { host: 'service' }]) {
      const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url], client } } })
      const answer = await ask(port, path)
      const own = new URL(answer.headers.location as string, 'http://shop.example/')
      expect(own.host).toBe('shop.example')
      if (client.host === undefined) expect(answer.headers.location).toBe(location)
    }
  })
})
