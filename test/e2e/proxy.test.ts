import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ask, startEndpoint, startProxy, until } from './proxy-fixtures.js'

/** Answers with what it was asked. */
const echo = () =>
  startEndpoint((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const { method, url, rawHeaders, headers } = request
      response.end(JSON.stringify({ method, url, headers, rawHeaders, body }))
    })
  })

const oneService = (...endpoints: string[]) => ({ services: { app: { endpoints } } })

describe('fairlead proxy', () => {
  it('hands requests and answers on', async () => {
    const endpoint = await startEndpoint((request, response) => {
      response.writeHead(201, 'Made', { 'set-cookie': ['a=1', 'b=2'], 'x-path': request.url })
      response.end('made')
    })
    const { port } = await startProxy(oneService(endpoint.url))
    const answer = await ask(port, '/things/1?x=%20y', { method: 'PUT', body: 'it' })
    expect(answer).toMatchObject({ status: 201, body: 'made' })
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(answer.headers['x-path']).toBe('/things/1?x=%20y')
  })

  it('hands bodies on, of known and of unknown length', async () => {
    const endpoint = await echo()
    const { port } = await startProxy(oneService(endpoint.url))
    const known = await ask(port, '/', { method: 'POST', body: 'hello', headers: { 'content-length': '5' } })
    expect(JSON.parse(known.body)).toMatchObject({
      method: 'POST',
      body: 'hello',
      headers: { 'content-length': '5' },
    })
    const sent = request({ host: '127.0.0.1', port, method: 'POST', agent: false })
    sent.write('hel')
    await once(endpoint.server, 'request')
    sent.end('lo')
    const [response] = await once(sent, 'response')
    let chunked = ''
    for await (const chunk of response) chunked += chunk
    expect(JSON.parse(chunked)).toMatchObject({ body: 'hello', headers: { 'transfer-encoding': 'chunked' } })
    const empty = await ask(port, '/', { method: 'POST', headers: { 'content-length': '0' } })
    expect(JSON.parse(empty.body)).toMatchObject({ body: '', headers: { 'content-length': '0' } })
  })

  it('removes what is for one connection only, and says whom the request came from', async () => {
    const endpoint = await echo()
    const { port } = await startProxy(oneService(endpoint.url))
    const { body } = await ask(port, '/', {
      headers: {
        host: 'shop.example',
        connection: 'close, X-Private',
        'x-private': 'secret',
        'keep-alive': 'timeout=9',
        te: 'trailers',
        'proxy-authorization': 'Basic eA==',
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-host': 'forged.example',
        'x-forwarded-proto': 'https',
        'X-Kept': 'yes',
      },
    })
    const { headers, rawHeaders } = JSON.parse(body)
    expect(headers).toMatchObject({
      host: `127.0.0.1:${endpoint.port}`,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'http',
      via: '1.1 fairlead',
      'x-kept': 'yes',
    })
    expect(rawHeaders).toContain('X-Kept')
    for (const name of ['x-private', 'te', 'proxy-authorization']) expect(headers).not.toHaveProperty(name)
    expect(headers['keep-alive']).toBeUndefined()
  })

  it('extends the forwarding headers of a trusted proxy in front', async () => {
    const endpoint = await echo()
    const { port } = await startProxy({ listen: { trustForwarded: true }, ...oneService(endpoint.url) })
    const forwarded = {
      'x-forwarded-for': '9.9.9.9',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'https',
    }
    const { headers } = JSON.parse((await ask(port, '/', { headers: forwarded })).body)
    expect(headers).toMatchObject({ ...forwarded, 'x-forwarded-for': '9.9.9.9, 127.0.0.1' })
  })

  it("sends the Host header that the service's client.host asks for", async () => {
    const { url } = await echo()
    const client = { host: 'inside.example' }
    const { port } = await startProxy({ services: { app: { endpoints: [url], client } } })
    expect(JSON.parse((await ask(port, '/')).body).headers.host).toBe('inside.example')
  })

  it('removes what is for one connection only from answers, and keeps redirects on the proxy', async () => {
    const endpoint = await startEndpoint((request, response) => {
      response.writeHead(302, {
        connection: 'close, X-Private',
        'x-private': 'secret',
        location: `http://${request.headers.host}/next?a=b`,
      })
      response.end()
    })
    const { port } = await startProxy(oneService(endpoint.url))
    const { status, headers } = await ask(port, '/', { headers: { connection: 'keep-alive' } })
    expect(status).toBe(302)
    expect(headers).toMatchObject({ connection: 'keep-alive', location: '/next?a=b' })
    expect(headers).not.toHaveProperty('x-private')
  })

  it('hands trailers on', async () => {
    const endpoint = await startEndpoint((_request, response) => {
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    })
    const { port } = await startProxy(oneService(endpoint.url))
    expect(await ask(port, '/')).toMatchObject({ body: 'body', trailers: { 'x-sum': '42' } })
  })

  it('answers HEAD, 204 and 304 without a body', async () => {
    const endpoint = await startEndpoint((request, response) => {
      response.writeHead(
        Number(request.url!.slice(1)),
        request.method === 'HEAD' ? { 'content-length': '99' } : {},
      )
      response.end()
    })
    const { port } = await startProxy(oneService(endpoint.url))
    const head = await ask(port, '/200', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '99' } })
    for (const status of [204, 304]) expect(await ask(port, `/${status}`)).toMatchObject({ status, body: '' })
  })

  it('hands headers and pieces on as they come', async () => {
    let goOn = () => {}
    const endpoint = await startEndpoint((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      goOn = () => response.end('second')
    })
    const { port } = await startProxy(oneService(endpoint.url))
    const sent = request({ host: '127.0.0.1', port, agent: false }).end()
    const [response] = await once(sent, 'response')
    expect(response.headers['content-type']).toBe('text/event-stream')
    goOn()
    expect(String((await once(response, 'data'))[0])).toBe('second')
  })

  it('asks for the body of a careful client when an endpoint reads it', async () => {
    const endpoint = await echo()
    const { port } = await startProxy(oneService(endpoint.url))
    const headers = { expect: '100-continue', 'content-length': '4' }
    const sent = request({ host: '127.0.0.1', port, method: 'POST', headers, agent: false })
    sent.flushHeaders()
    await once(sent, 'continue')
    sent.end('body')
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(200)
    response.resume()
  })

  it('does not ask for the body where there is nobody to read it', async () => {
    const { port } = await startProxy(oneService())
    const socket = connect(port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n')
    let text = ''
    for await (const chunk of socket.setEncoding('utf8')) text += chunk
    expect(text).toMatch(/^HTTP\/1.1 503 /)
    expect(text).not.toContain('100 Continue')
    // The client may not send on this connection: what it sent would be taken for a body.
    expect(text.toLowerCase()).toContain('connection: close')
  })

  it('takes absolute targets, and refuses what is no path', async () => {
    const endpoint = await echo()
    const { port } = await startProxy(oneService(endpoint.url))
    expect(JSON.parse((await ask(port, 'http://other.example/a?b')).body).url).toBe('/a?b')
    expect(await ask(port, '*', { method: 'OPTIONS' })).toMatchObject({ status: 400 })
  })

  it('cancels at the endpoint what its client gives up, without blaming the endpoint', async () => {
    let begun = 0
    let cancelled = 0
    const endpoint = await startEndpoint((request, response) => {
      if (request.url === '/fast') return void response.end('fast')
      begun++
      response.on('close', () => {
        if (!response.writableFinished) cancelled++
      })
      if (request.url === '/body') response.write('the beginning')
    })
    const { port, stdout } = await startProxy({
      services: { app: { endpoints: [endpoint.url], outlier: { consecutiveLocalOrigin: 1 } } },
    })
    for (const path of ['/headers', '/body']) {
      const before = { begun, cancelled }
      const sent = request({ host: '127.0.0.1', port, path, agent: false }).end()
      sent.on('error', () => {})
      if (path === '/body') await once(sent, 'response')
      await until(() => begun > before.begun)
      sent.destroy()
      await until(() => cancelled > before.cancelled)
    }
    expect(await ask(port, '/fast')).toMatchObject({ status: 200, body: 'fast' })
    expect(stdout()).not.toContain('ejected')
  })

  it('cancels an upload that breaks off, without blaming the endpoint', async () => {
    let cancelled = false
    const endpoint = await startEndpoint((request, response) => {
      if (request.method === 'GET') return void response.end('fast')
      request.resume()
      request.on('error', () => {
        cancelled = true
      })
    })
    const { port, stdout } = await startProxy({
      services: { app: { endpoints: [endpoint.url], outlier: { consecutiveLocalOrigin: 1 } } },
    })
    const sent = request({ host: '127.0.0.1', port, method: 'POST', agent: false })
    sent.on('error', () => {})
    sent.write('half of ')
    await until(() => endpoint.server.listening)
    await new Promise((resolve) => endpoint.server.once('request', resolve))
    sent.destroy()
    await until(() => cancelled)
    expect(await ask(port, '/')).toMatchObject({ status: 200, body: 'fast' })
    expect(stdout()).not.toContain('ejected')
  })

  it('gives each request to the service of its route', async () => {
    const named = (name: string) => startEndpoint((_request, response) => void response.end(name))
    const [shop, users, rest] = await Promise.all(['shop', 'users', 'rest'].map(named))
    const { port } = await startProxy({
      routes: [
        { path: '/', service: 'rest' },
        { path: '/users', service: 'users' },
        { host: 'Shop.example', service: 'shop' },
      ],
      services: {
        shop: { endpoints: [shop.url] },
        users: { endpoints: [users.url] },
        rest: { endpoints: [rest.url] },
      },
    })
    const bodyOf = async (path: string, host?: string) =>
      (await ask(port, path, host === undefined ? {} : { headers: { host } })).body
    expect(await bodyOf('/users/1')).toBe('users')
    expect(await bodyOf('/usersettings')).toBe('rest')
    expect(await bodyOf('/users', 'shop.example:80')).toBe('shop')
  })

  it('says 404 where no route is right', async () => {
    const { port } = await startProxy({
      routes: [{ path: '/a', service: 'app' }],
      ...oneService('http://127.0.0.1:1'),
    })
    const { status, headers, body } = await ask(port, '/b')
    expect({ status, type: headers['content-type'] }).toEqual({ status: 404, type: 'application/json' })
    expect(JSON.parse(body)).toEqual({
      code: 'FAIRLEAD_UNKNOWN_SERVICE',
      message: 'no route of this proxy is for this host and path',
    })
  })
})
