import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ask, startEndpoint, startKillableEndpoint, startProxy } from './proxy-fixtures.js'

/** A port where nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('fairlead proxy, when things fail', () => {
  it('answers 503 where no endpoint can take the request', async () => {
    const { port, stderr } = await startProxy({ services: { app: { endpoints: [] } } })
    const { status, headers, body } = await ask(port, '/')
    expect({ status, type: headers['content-type'] }).toEqual({ status: 503, type: 'application/json' })
    expect(JSON.parse(body)).toEqual({
      code: 'FAIRLEAD_NO_ENDPOINT',
      message: 'service "app": no endpoint of it can take a request now',
    })
    await expect.poll(stderr).toContain('503 FAIRLEAD_NO_ENDPOINT')
  })

  it('does not hold the end of an idle connection against its endpoint', async () => {
    const seen = new WeakSet<object>()
    // One answer a connection, then it is cut when the next request comes: by a reset, or by an end.
    const endpoint = await startEndpoint((incoming, response) => {
      if (!seen.has(incoming.socket))
        return void response.end(String(seen.add(incoming.socket) !== undefined))
      if (incoming.url === '/reset') incoming.socket.resetAndDestroy()
      else incoming.socket.destroy()
    })
    const other = await startEndpoint((_incoming, response) => void response.end('b'))
    const retry = { backoffBaseMs: 1, budget: { minPerSecond: 1_000 } }
    const app = { endpoints: [endpoint.url, other.url], policy: 'round-robin', retry }
    const { port, stdout } = await startProxy({ services: { app } })
    // Half of what it is sent fails: as failures of its own, they would eject it by their share of 100 requests.
    for (let i = 0; i < 500; i++) expect((await ask(port, i % 4 < 2 ? '/reset' : '/end')).status).toBe(200)
    expect(stdout()).not.toContain('ejected')
  })

  it('answers 503 where every endpoint is at its limit', async () => {
    const endpoint = await startEndpoint(() => {})
    const limits = { perEndpoint: { maxRequests: 1 } }
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url], limits } } })
    const first = request({ host: '127.0.0.1', port, agent: false }).end()
    first.on('error', () => {})
    await once(endpoint.server, 'request')
    const { status, body } = await ask(port, '/')
    expect({ status, code: JSON.parse(body).code }).toEqual({ status: 503, code: 'FAIRLEAD_OVERLOADED' })
    first.destroy()
  })

  it('answers 502 where the connection fails, and never names the endpoint to the client', async () => {
    const dead = await deadPort()
    const { port, stderr } = await startProxy({
      services: { app: { endpoints: [`http://127.0.0.1:${dead}`] } },
    })
    for (const method of ['GET', 'POST']) {
      const { status, body } = await ask(port, '/', { method, body: method === 'POST' ? 'data' : undefined })
      expect({ status, body: JSON.parse(body) }).toEqual({
        status: 502,
        body: { code: 'ECONNREFUSED', message: 'service "app": the connection to it failed' },
      })
    }
    // The operator is told.
    await expect.poll(stderr).toContain(String(dead))
  })

  it('answers 504 where the endpoint takes too long', async () => {
    const endpoint = await startEndpoint(() => {})
    const retry = { attempts: 1, perTryTimeoutMs: 50 }
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url], retry } } })
    const { status, body } = await ask(port, '/')
    expect({ status, body: JSON.parse(body) }).toEqual({
      status: 504,
      body: { code: 'FAIRLEAD_DEADLINE', message: 'service "app": it did not answer in time' },
    })
  })

  it('cuts off an answer that breaks off, so that it does not look whole', async () => {
    const endpoint = await startEndpoint((_request, response) => {
      response.write('the beginning')
      setTimeout(() => response.destroy(), 20)
    })
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    await expect(ask(port, '/')).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('hands on an answer that comes before the body was read', async () => {
    const endpoint = await startEndpoint((_request, response) => {
      response.writeHead(413, { connection: 'close' })
      response.end('too much')
    })
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const sent = request({ host: '127.0.0.1', port, method: 'POST', agent: false })
    sent.on('error', () => {})
    sent.write('x')
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(413)
    expect(response.headers.connection).toBe('close')
    response.resume()
    sent.destroy()
  })

  it('sends a GET without a body to another endpoint when one dies', async () => {
    const names = ['a', 'b', 'c']
    const endpoints = await Promise.all(names.map((name) => startKillableEndpoint(name)))
    const { port } = await startProxy({ services: { app: { endpoints: endpoints.map(({ url }) => url) } } })
    const answers: string[] = []
    let stop = false
    const client = async () => {
      while (!stop) {
        const { status, body } = await ask(port, '/')
        answers.push(status === 200 ? body : `${status} ${body}`)
      }
    }
    const clients = Promise.all(Array.from({ length: 8 }, client))
    const reach = async (count: number) => {
      while (answers.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await reach(300)
    await endpoints[0].kill()
    const before = answers.length
    await reach(before + 600)
    stop = true
    await clients
    expect(answers.filter((answer) => !names.includes(answer))).toEqual([])
    expect(answers).toContain('a')
    // Answers of `a` that were on their way when it was killed.
    expect(answers.slice(before).filter((answer) => answer === 'a').length).toBeLessThan(8)
  })
})
