import { createSecureServer } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { serve, tlsFixture } from '../support/health-servers.js'
import { balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'
import { classOf, FIRST, type Generation, recordingHandler, SECOND } from '../support/undici-generations.js'

const QUIET_MS = 60

/** Sends one request; resolves with what its handler was told, once nothing more comes. */
async function tell(
  dispatcher: Dispatcher,
  origin: string,
  generation: Generation,
  thrower: string | undefined,
): Promise<string[]> {
  let finish: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    finish = resolve
  })
  const { handler, told } = recordingHandler(generation, thrower, finish)
  const upgrades = thrower === generation.onUpgrade
  const path = thrower === generation.onError ? '/breaks' : '/'
  const options = upgrades
    ? { origin, path, method: 'GET', upgrade: 'echo' }
    : { origin, path, method: 'PUT', body: 'sent' }
  try {
    dispatcher.dispatch(options as never, handler as never)
    await ended
  } catch (error) {
    told.push(`dispatch threw ${classOf(error)}`)
  }
  await sleep(QUIET_MS)
  return told
}

/** Two chunks, so that a handler that throws at the first is not asked for the second. */
async function startTwo(): Promise<TestEndpoint[]> {
  const endpoints = await startEndpoints(2)
  for (const endpoint of endpoints) {
    endpoint.handle = (incoming, response) => {
      incoming.resume()
      if (incoming.url === '/breaks') return incoming.socket.destroy()
      response.write('first')
      setTimeout(() => response.end('last'), 10)
    }
  }
  return endpoints
}

/** What nobody caught while `act` ran. */
async function uncaughtIn(act: () => Promise<unknown>): Promise<string[]> {
  const uncaught: string[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error.message))
  try {
    await act()
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  }
  return uncaught
}

const table = [FIRST, SECOND].flatMap((generation) =>
  generation.callbacks.map((callback) => ({ generation, callback, of: generation.name })),
)

describe('a handler that throws is told what undici tells it, once, and nobody else is blamed', () => {
  it.each(table)('$callback of $of', async ({ generation, callback }) => {
    const endpoints = await startTwo()
    const agent = generation.agent()
    onTestFinished(() => agent.destroy())
    // Tried once: what stands in the table is the throw, not that a lost connection is tried again.
    const retry = callback === generation.onError ? { attempts: 1 } : {}
    const balancer = balancerOver(endpoints, { retry })
    const told: [string[], string[]] = [[], []]
    const byAgent = await uncaughtIn(async () => {
      told[0] = await tell(agent, endpoints[0].url, generation, callback)
    })
    const before = endpoints[0].requests
    const byFairlead = await uncaughtIn(async () => {
      told[1] = await tell(balancer.dispatcher(), 'http://users', generation, callback)
    })
    expect(told[1]).toEqual(told[0])
    expect(told[1].filter((call) => call.startsWith(generation.onError))).toHaveLength(1)
    expect(byFairlead).toEqual(byAgent)

    const { users } = balancer.stats().services
    expect(endpoints[0].requests - before + endpoints[1].requests).toBeLessThanOrEqual(1)
    expect(users).toMatchObject({ retried: 0, inFlight: 0 })
    if (callback !== generation.onError) expect(users.failed).toBe(0)
  })

  it.each(table.filter(({ callback }) => !/Upgrade|Error/.test(callback)))(
    'over HTTP/2: $callback of $of',
    async ({ generation, callback }) => {
      let streams = 0
      const server = createSecureServer({ ...tlsFixture.server, ca: tlsFixture.ca }, (_request, response) => {
        streams++
        response.end('ok')
      })
      const { port } = await serve(server as never)
      const balancer = new Balancer({
        services: {
          users: {
            endpoints: [`https://127.0.0.1:${port}`],
            client: { allowH2: true, connect: { ca: tlsFixture.ca, servername: 'users.test' } },
          },
        },
      })
      onTestFinished(() => balancer.stop({ drainMs: 0 }))
      const uncaught = await uncaughtIn(async () => {
        const told = await tell(balancer.dispatcher(), 'http://users', generation, callback)
        const ends = told.filter((call) => call.startsWith(generation.onError))
        expect(ends).toEqual([`${generation.onError}: Error ${callback} broke`])
      })
      expect(uncaught).toEqual([])
      expect(streams).toBeLessThanOrEqual(1)
      expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
    },
  )
})

describe('a call that is wrong is refused as undici refuses it', () => {
  const whole = { onConnect() {}, onHeaders: () => true, onData: () => true, onComplete() {}, onUpgrade() {} }
  const get = { path: '/', method: 'GET' }
  const cases: [string, object | null | undefined, object | null | undefined][] = [
    ...['onConnect', 'onHeaders', 'onData', 'onComplete', 'onBodySent'].map(
      (name): [string, object, object] => [
        `a handler whose ${name} is no function`,
        get,
        { ...whole, [name]: name === 'onBodySent' ? 1 : undefined },
      ],
    ),
    ['no onUpgrade for an upgrade', { ...get, upgrade: 'echo' }, { ...whole, onUpgrade: undefined }],
    ['no onUpgrade for CONNECT', { path: '', method: 'CONNECT' }, { ...whole, onUpgrade: undefined }],
    ['no options', undefined, whole],
    ['a path of another kind', { ...get, path: 1 }, whole],
    ['no method', { path: '/' }, whole],
    ['a header that is none', { ...get, headers: { 'a b': 'c' } }, whole],
    ['odd headers', { ...get, headers: ['a'] }, whole],
    ['headers that are no pairs', { ...get, headers: new Map([['a', { b: 1 }]]) }, whole],
    ['an iterator of what is no pair', { ...get, headers: new Set(['a']) }, whole],
    ['query on a path with a query', { ...get, path: '/?a=1', query: { b: 2 } }, whole],
    ['a body of another kind', { ...get, method: 'PUT', body: 1 }, whole],
  ]

  /** What `dispatch` throws, and what `onError` is told. */
  async function refusal(
    dispatcher: Dispatcher,
    origin: string,
    options: object | null | undefined,
    handler: object | null | undefined,
  ): Promise<string[]> {
    const seen: string[] = []
    const onError = (error: Error) => void seen.push(`told ${classOf(error)}`)
    try {
      const full = handler && Object.assign({ onError }, handler)
      dispatcher.dispatch((options && { origin, ...options }) as never, full as never)
    } catch (error) {
      seen.push(`threw ${classOf(error)}`)
    }
    await sleep(QUIET_MS)
    return seen
  }

  it.each([
    ...cases,
    ['no handler', get, undefined] as const,
    ['no onError', get, { ...whole, onError: undefined }] as const,
    ['no onError, no options', undefined, { ...whole, onError: undefined }] as const,
  ])('%s', async (_what, options, handler) => {
    const endpoints = await startEndpoints(2)
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const balancer = balancerOver(endpoints)
    const expected = await refusal(agent, endpoints[0].url, options, handler)
    expect(expected).toHaveLength(1)
    expect(await refusal(balancer.dispatcher(), 'http://users', options, handler)).toEqual(expected)
    expect(endpoints.map(({ requests }) => requests)).toEqual([0, 0])
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
  })

  it('an abort without a reason is told as undici tells it', async () => {
    const endpoints = await startTwo()
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const ends: string[] = []
    for (const [dispatcher, origin] of [
      [agent, endpoints[0].url],
      [balancerOver(endpoints).dispatcher(), 'http://users'],
    ] as const) {
      await new Promise<void>((resolve) => {
        let abort: () => void = () => {}
        const handler = {
          ...whole,
          onConnect: (given: () => void) => {
            abort = given
          },
          onHeaders: () => {
            abort()
            return true
          },
          onError: (error: Error) => {
            ends.push(classOf(error))
            resolve()
          },
        }
        dispatcher.dispatch({ origin, path: '/', method: 'GET' }, handler as never)
      })
    }
    expect(ends).toEqual(Array(2).fill('AbortError UND_ERR_ABORTED Request aborted'))
  })

  it.each(['onConnect', 'onBodySent', 'onRequestSent', 'onHeaders', 'onData'])(
    'an abort from within %s is told as undici tells it',
    async (where) => {
      const endpoints = await startTwo()
      const agent = new Agent()
      onTestFinished(() => agent.destroy())
      const balancer = balancerOver(endpoints)
      const told: string[][] = []
      for (const [dispatcher, origin] of [
        [agent, endpoints[0].url],
        [balancer.dispatcher(), 'http://users'],
      ] as const) {
        let abort: (reason: Error) => void = () => {}
        const calls: string[] = []
        const names = [
          'onConnect',
          'onBodySent',
          'onRequestSent',
          'onHeaders',
          'onData',
          'onComplete',
          'onError',
        ]
        const handler = Object.fromEntries(
          names.map((name) => [
            name,
            (first: unknown) => {
              calls.push(first instanceof Error ? `${name} ${first.message}` : name)
              if (name === 'onConnect') abort = first as typeof abort
              if (name === where) abort(new Error('enough'))
              return true
            },
          ]),
        )
        dispatcher.dispatch({ origin, path: '/', method: 'PUT', body: 'x' }, handler as never)
        await expect.poll(() => calls).toContain('onError enough')
        await sleep(QUIET_MS)
        told.push(calls)
      }
      expect(told[1]).toEqual(told[0])
      expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
    },
  )
})
