import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startCli, temporaryFile } from './cli-process.js'
import { ask, startEndpoint, startProxy, until } from './proxy-fixtures.js'

const named = (name: string) => startEndpoint((_request, response) => void response.end(name))
const configOf = (...endpoints: string[]) => ({ services: { app: { endpoints } } })

describe('fairlead proxy, from start to stop', () => {
  it('reads the file again on SIGHUP', async () => {
    const [old, young] = await Promise.all([named('old'), named('young')])
    const proxy = await startProxy(configOf(old.url))
    expect((await ask(proxy.port, '/')).body).toBe('old')
    writeFileSync(proxy.file, JSON.stringify({ listen: { port: 1 }, ...configOf(young.url) }))
    proxy.child.kill('SIGHUP')
    await proxy.printed('configuration read again')
    expect((await ask(proxy.port, '/')).body).toBe('young')
    await proxy.printed('what changed under `listen` takes effect at the next start', 'stderr')
  })

  it('takes routes and services of the new file together', async () => {
    const [app, extra] = await Promise.all([named('app'), named('extra')])
    const proxy = await startProxy(configOf(app.url))
    const services = { app: { endpoints: [app.url] }, extra: { endpoints: [extra.url] } }
    const routes = [
      { path: '/', service: 'app' },
      { path: '/extra', service: 'extra' },
    ]
    writeFileSync(proxy.file, JSON.stringify({ routes, services }))
    proxy.child.kill('SIGHUP')
    await proxy.printed('configuration read again')
    expect((await ask(proxy.port, '/')).body).toBe('app')
    expect((await ask(proxy.port, '/extra')).body).toBe('extra')
  })

  it('refuses a faulty file whole and goes on', async () => {
    const [old, young] = await Promise.all([named('old'), named('young')])
    const proxy = await startProxy(configOf(old.url))
    for (const faulty of [
      '{ "services": ',
      JSON.stringify({ ...configOf(young.url), rules: [{ service: 'app', polcy: 1 }] }),
    ]) {
      const said = proxy.stderr().split('the new configuration was refused, the old one goes on').length
      writeFileSync(proxy.file, faulty)
      proxy.child.kill('SIGHUP')
      await proxy.printed(
        new RegExp(`(the new configuration was refused, the old one goes on[^]*){${said}}`),
        'stderr',
      )
      expect((await ask(proxy.port, '/')).body).toBe('old')
    }
    expect(proxy.stderr()).toContain('rules[0].polcy: unknown key `polcy`; did you mean `policy`?')
    expect(proxy.stderr()).not.toMatch(/^\s+at /m)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'finishes the requests in flight on %s, then ends with 0',
    async (signal) => {
      let finish = () => {}
      const endpoint = await startEndpoint((_request, response) => {
        response.write('first, ')
        finish = () => response.end('last')
      })
      const proxy = await startProxy(configOf(endpoint.url))
      const answer = ask(proxy.port, '/', { headers: { connection: 'keep-alive' } })
      await once(endpoint.server, 'request')
      proxy.child.kill(signal)
      await proxy.printed(`${signal}: waiting up to 5000 ms`)
      // Reset: the connection had come about, and was still to be accepted when the port closed.
      const code = expect.stringMatching(/^(ECONNREFUSED|ECONNRESET)$/)
      await expect(ask(proxy.port, '/')).rejects.toMatchObject({ code })
      // Long enough for a proxy that does not wait to cut it off.
      await new Promise((resolve) => setTimeout(resolve, 100))
      finish()
      expect(await answer).toMatchObject({ status: 200, body: 'first, last' })
      expect(await proxy.finished).toMatchObject({ code: 0, stderr: '' })
      expect(proxy.stdout()).toMatch(/stopped\n$/)
    },
  )

  it('cuts off after drainMs', async () => {
    const endpoint = await startEndpoint((_request, response) => void response.write('never the end'))
    const proxy = await startProxy({ listen: { drainMs: 50 }, ...configOf(endpoint.url) })
    const answer = ask(proxy.port, '/')
    await once(endpoint.server, 'request')
    proxy.child.kill('SIGTERM')
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(await proxy.finished).toMatchObject({ code: 0 })
  })

  it('stops when the last answer has gone out, though its client would keep the connection', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let asked = 0
    const endpoint = await startEndpoint(async (_request, response) => {
      asked++
      await held
      response.end('late')
    })
    const config = { listen: { drainMs: 60_000 }, ...configOf(endpoint.url) }
    const proxy = await startProxy(config)
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const sent = request({ host: '127.0.0.1', port: proxy.port, agent }).end()
    await until(() => asked === 1)
    proxy.child.kill('SIGTERM')
    await proxy.printed('SIGTERM')
    release()
    const [response] = await once(sent, 'response')
    expect(response.headers.connection).toBe('close')
    let text = ''
    for await (const chunk of response) text += chunk
    expect(text).toBe('late')
    expect(await proxy.finished).toMatchObject({ code: 0 })
  })

  it('lets idle connections go when it stops', async () => {
    const endpoint = await named('one')
    const proxy = await startProxy(configOf(endpoint.url))
    const agent = new Agent({ keepAlive: true })
    const sent = request({ host: '127.0.0.1', port: proxy.port, agent }).end()
    const [response] = await once(sent, 'response')
    response.resume()
    await once(response, 'end')
    proxy.child.kill('SIGTERM')
    expect(await proxy.finished).toMatchObject({ code: 0 })
    agent.destroy()
  })

  it('checks its endpoints from the start, and says what it finds', async () => {
    let status = 200
    const endpoint = await startEndpoint((_request, response) => void response.writeHead(status).end('one'))
    const health = { http: { path: '/health' }, interval: 50, timeout: 50, rise: 1, fall: 1 }
    const { printed } = await startProxy({ services: { app: { endpoints: [endpoint.url], health } } })
    await printed(`app: ${endpoint.url} healthy, now ready: answered 200`)
    status = 500
    await printed(`app: ${endpoint.url} unhealthy, now unhealthy: answered 500, expected 200-299`)
  })

  it('says where it cannot listen', async () => {
    const { port, url } = await named('taken')
    const file = temporaryFile('proxy.json', JSON.stringify(configOf(url)))
    const { code, stderr } = await startCli(['proxy', '--config', file, '--port', String(port)]).finished
    expect(code).toBe(1)
    expect(stderr).toBe(`fairlead: cannot listen on 127.0.0.1:${port}: the address is in use\n`)
  })
})
