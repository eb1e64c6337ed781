/** Faults on the caller's side, and connections that come too late: the endpoint is not to blame, and nothing is lost. */
import type { RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer as createTcpServer } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { serve, tlsFixture } from '../support/health-servers.js'
import { answering, balancerOver, startEndpoints } from '../support/http-servers.js'

/** Answers with the text of the body. */
const echoing: RequestListener = (incoming, response) => {
  let text = ''
  incoming.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  incoming.on('end', () => response.end(text))
}

describe('a fault of the caller', () => {
  it('that breaks off its own body is not held against the endpoint, whatever the body is made of', async () => {
    const endpoints = await startEndpoints(2)
    for (const endpoint of endpoints) endpoint.handle = echoing
    const balancer = balancerOver(endpoints)
    const dispatcher = balancer.dispatcher()
    async function* broken() {
      yield 'begun'
      await sleep(5)
      throw new Error('the source of the body broke')
    }
    const bodies = [() => broken(), () => Readable.from(broken())]
    for (const body of bodies) {
      for (let i = 0; i < 6; i++) {
        const failure = request('http://users/', {
          method: 'POST',
          body: body() as unknown as Readable,
          dispatcher,
        })
        await expect(failure).rejects.toThrow('the source of the body broke')
      }
    }
    const { users } = balancer.stats().services
    expect(users).toMatchObject({ requests: 12, cancelled: 12, failed: 0, retried: 0, inFlight: 0 })
    expect(Object.values(users.endpoints).map(({ state }) => state)).toEqual(['ready', 'ready'])
  })

  it.each(['onHeaders', 'onData'] as const)(
    'that throws in its own handler (%s) is not held against the endpoint, which has answered',
    async (method) => {
      const endpoints = await startEndpoints(2)
      const balancer = balancerOver(endpoints)
      const dispatcher = balancer.dispatcher()
      for (let i = 0; i < 12; i++) {
        const failure = new Promise<Error>((resolve, reject) => {
          const handler = {
            onConnect() {},
            onHeaders: () => true,
            onData: () => true,
            onComplete: () => reject(new Error('the request succeeded')),
            onError: resolve,
            [method]() {
              throw new Error('the handler broke')
            },
          }
          dispatcher.dispatch({ origin: 'http://users', path: '/', method: 'GET' }, handler as never)
        })
        expect((await failure).message).toBe('the handler broke')
      }
      const { users } = balancer.stats().services
      expect(users).toMatchObject({ requests: 12, succeeded: 12, failed: 0, retried: 0, inFlight: 0 })
    },
  )
})

describe('a connection that comes after its try was given up', () => {
  it('does not break the body that another endpoint is reading', async () => {
    const [fast] = await startEndpoints(1)
    fast.handle = echoing
    // TLS that begins late: fairlead gives the try up before the connection is there.
    const tls = await serve(
      createHttpsServer({ ...tlsFixture.server }, (_request, response) => response.end()),
    )
    const late = await serve(
      createTcpServer((socket) => {
        setTimeout(() => {
          const inner = connect(tls.port, '127.0.0.1')
          inner.on('error', () => socket.destroy())
          socket.pipe(inner).pipe(socket)
        }, 250)
      }),
    )
    const balancer = new Balancer({
      services: {
        users: {
          endpoints: [
            { id: 'late', url: `https://127.0.0.1:${late.port}` },
            { id: 'fast', url: fast.url },
          ],
          policy: 'round-robin',
          client: { connect: { ca: tlsFixture.ca, servername: 'users.test' } },
          retry: { perTryTimeoutMs: 100 },
        },
      },
    })
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    async function* slowly() {
      for (const word of ['this ', 'is ', 'the ', 'whole ', 'body']) {
        yield word
        await sleep(100)
      }
    }
    fast.handle = (incoming, response) => {
      // The headers at once: the body may take longer than a try.
      response.flushHeaders()
      echoing(incoming, response)
    }
    for (let i = 0; i < 2; i++) {
      const response = await request('http://users/', {
        method: 'POST',
        body: Readable.from(slowly()),
        dispatcher: balancer.dispatcher() as Dispatcher,
      })
      expect(await response.body.text()).toBe('this is the whole body')
    }
    const { users } = balancer.stats().services
    expect(users.endpoints['late'].requests).toBe(1)
    expect(users).toMatchObject({ requests: 2, succeeded: 2, retried: 1, inFlight: 0 })
  })
})

describe('balancer.fetch, as fetch', () => {
  it('takes null for its options', async () => {
    const balancer = balancerOver(await startEndpoints(1))
    expect((await balancer.fetch('http://users/', null as never)).status).toBe(200)
  })

  it('sends the bytes as they were when it was called', async () => {
    const endpoints = await startEndpoints(1)
    endpoints[0].handle = echoing
    const balancer = balancerOver(endpoints)
    await balancer.fetch('http://users/')
    for (const view of [new Uint8Array(5), new Uint8Array(9).subarray(2, 7), new Uint8Array(5).buffer]) {
      const bytes = ArrayBuffer.isView(view) ? view : new Uint8Array(view)
      bytes.set(Buffer.from('first'))
      const answer = balancer.fetch('http://users/', { method: 'POST', body: view })
      bytes.set(Buffer.from('later'))
      expect(await (await answer).text()).toBe('first')
    }
  })

  it('adds its own pick options to those of `with`', async () => {
    const endpoints = await startEndpoints(2)
    const balancer = new Balancer({
      services: {
        users: {
          policy: 'geographic',
          endpoints: endpoints.map(({ name, url }) => ({ id: name, url, region: name })),
        },
      },
    })
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    await balancer.with({ region: 'b' }, async () => {
      for (let i = 0; i < 10; i++) {
        const response = await balancer.fetch('http://users/', { balance: { key: 'alice' } })
        expect(await response.text()).toBe('b')
      }
      expect(await (await balancer.fetch('http://users/', { balance: { region: 'a' } })).text()).toBe('a')
    })
  })
})

describe('an answer worth another try', () => {
  it('is the answer where the balancer stops meanwhile', async () => {
    const endpoints = await startEndpoints(2)
    const asked = new Promise<() => void>((resolve) => {
      for (const endpoint of endpoints)
        endpoint.handle = (incoming, response) => resolve(() => answering('busy', 503)(incoming, response))
    })
    const balancer = balancerOver(endpoints)
    const answer = balancer.fetch('http://users/')
    const release = await asked
    const stopped = balancer.stop({ drainMs: 5000 })
    release()
    const response = await answer
    expect([response.status, await response.text()]).toEqual([503, 'busy'])
    await stopped
    expect(balancer.stats().services.users).toMatchObject({ requests: 1, failed: 1, retried: 0 })
  })

  it('fails with FAIRLEAD_NO_ENDPOINT where every endpoint leaves before that try', async () => {
    const endpoints = await startEndpoints(2)
    const balancer = balancerOver(endpoints)
    for (const endpoint of endpoints) {
      endpoint.handle = (incoming, response) => {
        for (const { name } of endpoints) balancer.service('users').set(name, { state: 'drain' })
        answering('busy', 503)(incoming, response)
      }
    }
    const failure = await balancer.fetch('http://users/').catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'FAIRLEAD_NO_ENDPOINT',
      cause: { message: expect.stringMatching(/^[ab] answered 503$/) },
    })
    expect(balancer.stats().services.users).toMatchObject({ requests: 1, failed: 1, retried: 0, inFlight: 0 })
  })
})
