import { describe, expect, it, onTestFinished } from 'vitest'
import { UnknownServiceError } from '../../lib/index.js'
import { balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

/** Answers with what it was asked. */
function echo(endpoint: TestEndpoint): void {
  endpoint.handle = (incoming, response) => {
    let body = ''
    incoming.on('data', (chunk) => (body += chunk))
    incoming.on('end', () => {
      const { method, url } = incoming
      response.end(JSON.stringify({ method, url, body, mark: incoming.headers['x-mark'] }))
    })
  }
}

describe('balancer.fetch', () => {
  it('works detached, as the dispatcher does', async () => {
    const [a] = await startEndpoints(1)
    const { fetch: detached, dispatcher } = balancerOver([a])
    const asOption: { fetch: typeof fetch } = { fetch: detached }
    expect(await (await asOption.fetch('http://users/')).text()).toBe('a')
    expect(await (await fetch('http://users/', { dispatcher: dispatcher() } as never)).text()).toBe('a')
  })

  it.each<[string, () => [string | URL | Request, RequestInit?]]>([
    ['text', () => ['http://users/p?q=1', { method: 'POST', body: 'b', headers: { 'x-mark': 'm' } }]],
    [
      'a URL',
      () => [new URL('http://users/p?q=1'), { method: 'POST', body: 'b', headers: [['x-mark', 'm']] }],
    ],
    [
      'a Request',
      () => [new Request('http://users/p?q=1', { method: 'POST', body: 'b', headers: { 'x-mark': 'm' } })],
    ],
    [
      'a Request, changed',
      () => [
        new Request('http://users/p?q=1', { method: 'PUT', body: 'other' }),
        {
          method: 'POST',
          body: new URLSearchParams('b').toString().slice(0, 1),
          headers: new Headers({ 'x-mark': 'm' }),
        },
      ],
    ],
    [
      'a Request as the options',
      () => [
        'http://users/p?q=1',
        new Request('http://elsewhere/', {
          method: 'POST',
          body: 'b',
          headers: { 'x-mark': 'm' },
        }) as RequestInit,
      ],
    ],
    [
      'options of a class',
      () => {
        class Options {
          get method() {
            return 'POST'
          }
          get body() {
            return 'b'
          }
          get headers() {
            return { 'x-mark': 'm' }
          }
        }
        return ['http://users/p?q=1', new Options()]
      },
    ],
    [
      'a stream',
      () => [
        'http://users/p?q=1',
        {
          method: 'POST',
          body: new Blob(['b']).stream(),
          duplex: 'half',
          headers: { 'x-mark': 'm' },
        } as RequestInit,
      ],
    ],
    [
      'bytes',
      () => [
        'http://users/p?q=1',
        { method: 'POST', body: new Uint8Array([98]), headers: { 'x-mark': 'm' } },
      ],
    ],
  ])('takes %s', async (_what, make) => {
    const [a] = await startEndpoints(1)
    echo(a)
    const response = await balancerOver([a]).fetch(...(make() as Parameters<typeof fetch>))
    expect(await response.json()).toEqual({ method: 'POST', url: '/p?q=1', body: 'b', mark: 'm' })
  })

  it('takes null for options, and text that is no Unicode as the global fetch does', async () => {
    const [a] = await startEndpoints(1)
    echo(a)
    const balancer = balancerOver([a])
    expect((await balancer.fetch('http://users/', null as never)).status).toBe(200)
    const init = { method: 'POST', body: 'a\ud800\u00e9' }
    const [ours, nodes] = [await balancer.fetch('http://users/', init), await fetch(a.url, init)]
    expect(await ours.json()).toEqual(await nodes.json())
  })

  it('rejects what the global fetch rejects, with the same class', async () => {
    const balancer = balancerOver(await startEndpoints(1))
    const rejection = async (act: () => Promise<unknown>) =>
      act().then(
        () => 'none',
        (error: Error) => error.constructor.name,
      )
    for (const [input, init] of [
      ['http://users/', { method: 'GET', body: 'x' }],
      ['http://users/', { headers: { 'a b': 'c' } }],
      ['http://users/', { method: 'CONNECT' }],
      ['no url', {}],
    ] as const)
      expect(await rejection(() => balancer.fetch(input, init))).toBe(
        await rejection(() => fetch(input, init)),
      )
    await expect(balancer.fetch('http://orders/')).rejects.toBeInstanceOf(UnknownServiceError)
  })

  it('may become the global fetch, and be wrapped', async () => {
    const [a, b] = await startEndpoints(2)
    const before = globalThis.fetch
    onTestFinished(() => {
      globalThis.fetch = before
    })
    const balancer = balancerOver([a])
    globalThis.fetch = balancer.fetch
    expect(await (await fetch('http://users/')).text()).toBe('a')
    const inner = globalThis.fetch
    let calls = 0
    globalThis.fetch = (...args) => {
      calls++
      return inner(...args)
    }
    expect(await (await fetch('http://users/', { balance: { key: 'k' } } as never)).text()).toBe('a')
    expect(await (await balancerOver([b]).fetch('http://users/')).text()).toBe('b')
    expect(calls).toBeLessThan(5)
  })

  it('rejects with the reason of the signal itself', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOver([a])
    for (const reason of [new Error('mine'), 'text', 0, { plain: true }, undefined]) {
      const controller = new AbortController()
      const pending = balancer.fetch('http://users/', { signal: controller.signal }).catch((error) => error)
      setTimeout(() => controller.abort(reason), 30)
      const error = await pending
      expect(error).toBe(controller.signal.reason)
      if (typeof error === 'object') expect(Object.keys(error)).not.toContain('fairlead')
    }
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, inFlight: 0, retried: 0 })
  })
})
