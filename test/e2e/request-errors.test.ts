import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { answering, balancerOver, startEndpoints } from '../support/http-servers.js'

type Failure = Error & { fairlead?: unknown; code?: string; cause?: Error & { fairlead?: unknown } }

const failureOf = async (act: Promise<unknown>): Promise<Failure> =>
  act.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: Failure) => error,
  )

describe('the error of a request tells its service and its tries', () => {
  it('of endpoints that refuse connections, by code', async () => {
    const endpoints = await startEndpoints(3)
    await Promise.all(endpoints.map((endpoint) => endpoint.kill()))
    const balancer = balancerOver(endpoints, { policy: 'round-robin', outlier: false })
    const error = await failureOf(request('http://users/', { dispatcher: balancer.dispatcher() }))
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    const { service, tries } = error.fairlead as {
      service: string
      tries: { endpoint: string; code: string }[]
    }
    expect(service).toBe('users')
    expect(tries.map(({ endpoint }) => endpoint).sort()).toEqual(['a', 'b', 'c'])
    expect(new Set(tries.map(({ code }) => code))).toEqual(new Set(['ECONNREFUSED']))
    // It stands in logs.
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ fairlead: { service: 'users' } })
  })

  it('of balancer.fetch, on the TypeError as on its cause', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (incoming) => incoming.socket.destroy()
    const balancer = balancerOver([a], { outlier: false })
    const error = await failureOf(balancer.fetch('http://users/'))
    expect(error).toBeInstanceOf(TypeError)
    const tries = Array(3).fill({ endpoint: 'a', code: 'UND_ERR_SOCKET' })
    expect(error.fairlead).toEqual({ service: 'users', tries })
    expect(error.cause?.fairlead).toEqual({ service: 'users', tries })
  })

  it('of answers that were refused before, by status', async () => {
    const [a, b] = await startEndpoints(2)
    a.handle = answering('sick', 503)
    b.handle = (incoming) => incoming.socket.destroy()
    const balancer = balancerOver([a, b], { policy: 'round-robin', outlier: false, retry: { attempts: 2 } })
    const errors: Failure[] = []
    for (let i = 0; i < 2; i++)
      await balancer.fetch('http://users/').then(
        () => {},
        (error: Failure) => errors.push(error),
      )
    expect(errors.map((error) => error.fairlead)).toEqual([
      {
        service: 'users',
        tries: [
          { endpoint: 'a', status: 503 },
          { endpoint: 'b', code: 'UND_ERR_SOCKET' },
        ],
      },
    ])
  })

  it('of no endpoint at all, and of a per-try time-out', async () => {
    const none = balancerOver([])
    const error = await failureOf(none.fetch('http://users/'))
    expect(error).toMatchObject({ code: 'FAIRLEAD_NO_ENDPOINT', fairlead: { service: 'users', tries: [] } })

    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOver([a], { retry: { attempts: 1, perTryTimeoutMs: 30 } })
    expect(await failureOf(balancer.fetch('http://users/'))).toMatchObject({
      code: 'FAIRLEAD_DEADLINE',
      fairlead: { service: 'users', tries: [{ endpoint: 'a', code: 'FAIRLEAD_DEADLINE' }] },
    })
  })

  it('of each of many that wait for one connection, though undici fails them with one and the same error', async () => {
    const [a, b] = await startEndpoints(2)
    await Promise.all([a.kill(), b.kill()])
    const options = { client: { connections: 1, pipelining: 1 }, outlier: false as const }
    const dispatcher = balancerOver([a, b], options).dispatcher()
    const errors = await Promise.all(
      Array.from({ length: 8 }, () => failureOf(request('http://users/', { dispatcher }))),
    )
    expect(new Set(errors.map((error) => error.fairlead)).size).toBe(8)
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error)
      expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', message: expect.any(String) })
      expect((error.fairlead as { tries: unknown[] }).tries).toHaveLength(2)
    }
  })

  it('but what the caller aborted with, or his handler threw, comes back as it was', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const dispatcher = balancerOver([a]).dispatcher()
    for (const reason of [Object.freeze(new Error('frozen')), new Error('open'), 'text']) {
      const controller = new AbortController()
      setTimeout(() => controller.abort(reason), 20)
      const error: unknown = await failureOf(
        request('http://users/', { dispatcher, signal: controller.signal }),
      )
      expect(error).toBe(reason)
      expect(Object.keys(error as object)).not.toContain('fairlead')
    }
    const thrown = new Error('broke')
    const told = await new Promise((resolve) => {
      const handler = { onConnect() {}, onHeaders() {}, onData() {}, onComplete() {}, onError: resolve }
      const onRequestSent = () => {
        throw thrown
      }
      dispatcher.dispatch({ origin: 'http://users', path: '/', method: 'GET' }, {
        ...handler,
        onRequestSent,
      } as never)
    })
    expect(told).toBe(thrown)
    expect(Object.keys(thrown)).toEqual([])
  })
})
