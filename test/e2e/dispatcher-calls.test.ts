/** What a dispatcher is called with: arguments that are wrong, handlers and dispatchers of every generation. */
import type { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import { ArgumentError, defineDispatcher } from '../../lib/index.js'
import { answering, balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'
import { until } from '../support/until.js'

type Handler = Dispatcher.DispatchHandler
const get = { origin: 'http://users', path: '/', method: 'GET' } as const

/** A handler of the second generation; `over` resolves when the request is. */
function recorder(steer: (controller: Dispatcher.DispatchController, event: string) => void = () => {}) {
  const told: string[] = []
  const seen: { controller?: Dispatcher.DispatchController; headers?: Record<string, unknown> } = {}
  let end: (value: unknown) => void = () => {}
  const over = new Promise<unknown>((resolve) => {
    end = resolve
  })
  const tell = (controller: Dispatcher.DispatchController, event: string) => {
    told.push(event)
    seen.controller = controller
    steer(controller, event)
  }
  const handler = {
    onRequestStart: (controller) => tell(controller, 'start'),
    onResponseStart: (controller, status, headers) => {
      seen.headers = headers
      tell(controller, `answered ${status}`)
    },
    onResponseData: (controller, chunk) => tell(controller, `data ${chunk}`),
    onResponseEnd: (controller, trailers) => {
      tell(controller, `end ${JSON.stringify(trailers)}`)
      end(undefined)
    },
    onResponseError: (_controller, error) => {
      told.push('error')
      end(error)
    },
  } satisfies Handler
  return { handler: handler as Handler, told, seen, over }
}

describe('a call that is wrong', () => {
  it('without a handler throws; without options, or with half a handler, the handler is told', async () => {
    const dispatcher = balancerOver(await startEndpoints(1)).dispatcher()
    const code = 'UND_ERR_INVALID_ARG'
    for (const handler of [undefined, null, 'text'])
      expect(() => dispatcher.dispatch(get, handler as never)).toThrow(
        expect.objectContaining({ code, message: 'handler must be an object' }),
      )
    for (const options of [undefined, null, 'text']) {
      const { handler, over } = recorder()
      expect(dispatcher.dispatch(options as never, handler)).toBe(false)
      expect(await over).toMatchObject({ code, message: 'opts must be an object.' })
    }
    const whole = {
      onConnect() {},
      onHeaders: () => true,
      onData: () => true,
      onComplete() {},
      onUpgrade() {},
    }
    const withOut = (name: string, options: object) => {
      let error: unknown
      const handler: Record<string, unknown> = { ...whole, onError: (told: unknown) => void (error = told) }
      delete handler[name]
      try {
        dispatcher.dispatch({ ...get, ...options }, handler as Handler)
      } catch (thrown) {
        error = thrown
      }
      return error
    }
    for (const name of ['onConnect', 'onHeaders', 'onData', 'onComplete', 'onError'])
      expect(withOut(name, {})).toMatchObject({ code, message: `invalid ${name} method` })
    for (const options of [{ upgrade: 'echo' }, { method: 'CONNECT' }])
      expect(withOut('onUpgrade', options)).toMatchObject({ code, message: 'invalid onUpgrade method' })
  })

  it('a dispatcher without a right name, or without a factory, is not defined', () => {
    for (const name of [undefined, 5, '', 'Capitals', '1-digit', 'a b', 'a'.repeat(65)])
      expect(() => defineDispatcher(name as string, (() => {}) as never)).toThrow(ArgumentError)
    for (const factory of [undefined, {}, 'text'])
      expect(() => defineDispatcher('right', factory as never)).toThrow(/dispatcher "right" has no factory/)
    expect(defineDispatcher('a'.repeat(64), (() => {}) as never)).toBe('a'.repeat(64))
  })
})

describe('an origin', () => {
  it.each([
    ['text', 'http://users'],
    ['text with a slash', 'http://users/'],
    ['a URL', new URL('http://users')],
  ])('as %s names the service', async (_what, origin) => {
    const dispatcher = balancerOver(await startEndpoints(1)).dispatcher()
    const { body } = await dispatcher.request({ origin, path: '/', method: 'GET' })
    expect(await body.text()).toBe('a')
  })
})

describe('a handler of the second generation', () => {
  /** Headers that come twice, a body in two parts, trailers. */
  const elaborate = (endpoint: TestEndpoint) => {
    endpoint.handle = (_, response) => {
      response.writeHead(200, { 'x-one': '1', 'set-cookie': ['a=1', 'b=2', 'c=3'], trailer: 'x-sum' })
      response.write('first')
      setTimeout(() => {
        response.addTrailers({ 'X-Sum': '2' })
        response.end('last')
      }, 20)
    }
  }

  it('gets names in lower case, lists of what comes twice, and what came over the wire', async () => {
    const [a] = await startEndpoints(1)
    elaborate(a)
    const { handler, told, seen, over } = recorder()
    balancerOver([a]).dispatcher().dispatch(get, handler)
    expect(await over).toBeUndefined()
    expect(told).toEqual(['start', 'answered 200', 'data first', 'data last', 'end {"x-sum":"2"}'])
    expect(seen.headers).toMatchObject({ 'x-one': '1', 'set-cookie': ['a=1', 'b=2', 'c=3'] })
    const { rawHeaders, rawTrailers } = seen.controller as unknown as Record<string, Buffer[]>
    expect(rawHeaders.map(String)).toContain('c=3')
    expect(rawTrailers.map(String)).toEqual(['X-Sum', '2'])
  })

  it('reads when it wants to: paused, nothing comes until it goes on', async () => {
    const [a] = await startEndpoints(1)
    elaborate(a)
    const { handler, told, seen, over } = recorder((controller, event) => {
      if (event === 'answered 200') controller.pause()
    })
    balancerOver([a]).dispatcher().dispatch(get, handler)
    await until(() => told.includes('answered 200'))
    expect(seen.controller).toMatchObject({ paused: true, aborted: false, reason: null })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(told.at(-1)).toBe('answered 200')
    seen.controller?.resume()
    expect(await over).toBeUndefined()
    expect(seen.controller?.paused).toBe(false)
    expect(told.at(-1)).toBe('end {"x-sum":"2"}')
  })

  it('may end it once, with a reason that comes back', async () => {
    const [a] = await startEndpoints(1)
    elaborate(a)
    const reason = new Error('enough')
    const balancer = balancerOver([a])
    const { handler, told, seen, over } = recorder((controller, event) => {
      if (event !== 'data first') return
      controller.abort(reason)
      controller.abort(new Error('too late'))
    })
    balancer.dispatcher().dispatch(get, handler)
    expect(await over).toBe(reason)
    expect(seen.controller).toMatchObject({ aborted: true, reason })
    expect(told.filter((event) => event === 'error')).toHaveLength(1)
    expect(balancer.stats().services['users'].inFlight).toBe(0)
  })
})

describe('a handler of the first generation', () => {
  it('is told of its end once, whatever its caller does afterwards', async () => {
    const [a] = await startEndpoints(1)
    await a.kill()
    const balancer = balancerOver([a])
    const told: string[] = []
    let abort: (reason?: Error) => void = () => {}
    const handler = {
      onConnect: (given: typeof abort) => void (abort = given),
      onHeaders: () => true,
      onData: () => true,
      onComplete: () => void told.push('complete'),
      onError: (error: Error) => void told.push((error as NodeJS.ErrnoException).code ?? error.message),
    }
    balancer.dispatcher().dispatch(get, handler)
    await until(() => told.length > 0)
    abort(new Error('too late'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toEqual(['ECONNREFUSED'])
    expect(balancer.stats().services['users']).toMatchObject({ requests: 1, failed: 1, inFlight: 0 })
  })
})

describe('a dispatcher of the user’s, of an undici that is not ours', () => {
  /** Answers by calling a handler of the generation that it knows. */
  type Told = Record<string, (...args: unknown[]) => unknown>
  const answered = async (answer: (handler: Told) => void) => {
    const options: object[] = []
    const own = {
      dispatch(given: object, handler: Told) {
        options.push(given)
        setImmediate(answer, handler)
        return true
      },
    }
    const endpoint = { id: 'a', url: 'http://a.test', dispatcher: own as unknown as Dispatcher }
    const balancer = balancerOver([], { endpoints: [endpoint] })
    const made = recorder((controller, event) => {
      if (event === 'answered 200') controller.pause()
      if (event === 'data one') controller.resume()
    })
    balancer.dispatcher().dispatch({ ...get, dispatcher: 'ours' } as never, made.handler)
    const error = await made.over
    return { ...made, error, options: options[0], users: balancer.stats().services['users'] }
  }

  it('tells the first one: raw headers and trailers, and whether to read on', async () => {
    const returned: unknown[] = []
    const { told, seen, error, options, users } = await answered((handler) => {
      handler.onConnect(() => {}, null)
      const raw = ['X-One', '1', 'X-One', '2'].map((text) => Buffer.from(text))
      returned.push(
        handler.onHeaders(200, raw, () => {}, 'OK'),
        handler.onData(Buffer.from('one')),
      )
      handler.onComplete([Buffer.from('X-Sum'), Buffer.from('2')])
    })
    expect(error).toBeUndefined()
    expect(told).toEqual(['start', 'answered 200', 'data one', 'end {"x-sum":"2"}'])
    expect(seen.headers).toEqual({ 'x-one': ['1', '2'] })
    expect(returned).toEqual([false, true])
    expect(options).toMatchObject({ origin: 'http://a.test', path: '/' })
    expect(options).not.toHaveProperty('dispatcher')
    expect(users).toMatchObject({ succeeded: 1, inFlight: 0 })
  })

  it('tells the second one: parsed headers, where it has no others, and a controller to pause', async () => {
    const calls: string[] = []
    const { told, seen, error } = await answered((handler) => {
      const controller = {
        pause: () => calls.push('pause'),
        resume: () => calls.push('resume'),
        abort: () => {},
      }
      handler.onRequestStart(controller, null)
      const headers = { 'x-one': '1', 'set-cookie': ['a=1', 'b=2'], nothing: undefined }
      handler.onResponseStart(controller, 200, headers, undefined)
      handler.onResponseData(controller, Buffer.from('one'))
      handler.onResponseEnd(controller, {})
    })
    expect(error).toBeUndefined()
    expect(told).toEqual(['start', 'answered 200', 'data one', 'end {}'])
    expect(seen.headers).toEqual({ 'x-one': '1', 'set-cookie': ['a=1', 'b=2'] })
    expect(calls).toEqual(['pause', 'resume'])
  })

  it.each([
    ['onError', (handler: Told, error: Error) => handler.onError(error)],
    ['onResponseError', (handler: Told, error: Error) => handler.onResponseError({}, error)],
  ])('tells of its failure by %s', async (_name, fail) => {
    const failure = Object.assign(new Error('no way there'), { code: 'ECONNREFUSED' })
    const { error, told, users } = await answered((handler) => void fail(handler, failure))
    expect(error).toBe(failure)
    expect(told).toEqual(['start', 'error'])
    expect(users).toMatchObject({ failed: 1, inFlight: 0 })
  })
})

describe('closing and destroying', () => {
  it('call back, where they are given a function, with nothing or with what is wrong', async () => {
    const [a] = await startEndpoints(1)
    a.handle = answering('a')
    const balancer = balancerOver([a])
    const called = (start: (callback: (...args: unknown[]) => void) => unknown) =>
      new Promise<unknown[]>((resolve) => expect(start((...args) => resolve(args))).toBeUndefined())
    const dispatcher = balancer.dispatcher()
    expect(await called((done) => dispatcher.close(done as never))).toEqual([null, null])
    const [error] = await called((done) => dispatcher.close(done as never))
    expect(error).toMatchObject({ code: 'UND_ERR_DESTROYED' })
    await expect(dispatcher.close()).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' })
    expect(await called((done) => balancer.dispatcher().destroy(done as never))).toEqual([null, null])
    expect(await called((done) => balancer.dispatcher().destroy(new Error('x'), done as never))).toEqual([
      null,
      null,
    ])
    expect(() => balancer.dispatcher().close('text' as never)).toThrow(/invalid callback/)
  })

  it('destroying with an error tells it to the requests under way', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOver([a])
    const dispatcher = balancer.dispatcher()
    const lost = dispatcher.request(get).catch((error: unknown) => error)
    await until(() => a.requests === 1)
    const reason = new Error('the process ends')
    await dispatcher.destroy(reason)
    expect(await lost).toBe(reason)
    await until(() => balancer.stats().services['users'].inFlight === 0)
  })
})
