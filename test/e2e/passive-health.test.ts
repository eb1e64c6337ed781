/** What real requests prove of real servers, with all defaults: the dead get probes only, and nothing is lost. */
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { answering, balancerOver, startEndpoints } from '../support/http-servers.js'

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function refusing(): Promise<string> {
  const server = createTcpServer()
  const url = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return url
}

const resetting = (): Promise<string> =>
  listening(
    createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.resetAndDestroy())
    }),
  )

const handling = (handle: RequestListener): Promise<string> => listening(createServer(handle))

const WAYS: Record<string, () => Promise<string>> = {
  refusing,
  resetting,
  'answering 502': () => handling(answering('sorry', 502)),
  'answering 503': () => handling(answering('sorry', 503)),
  'answering 504': () => handling(answering('sorry', 504)),
}

describe.each(Object.entries(WAYS))('two of three endpoints that are dead, %s', (_way, make) => {
  it('cost no GET once they are known, and get one probe each in the seconds after', async () => {
    const dead = [await make(), await make()]
    const well = await handling(answering('well'))
    const balancer = new Balancer({
      services: { users: { endpoints: [...dead, well] } },
      seed: 1,
    })
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    const get = () =>
      balancer.fetch('http://users/').then(
        async (response) => `${response.status} ${await response.text()}`,
        (error) => `${error.code ?? error}`,
      )
    const deadNow = () => dead.map((url) => balancer.stats().services.users.endpoints[url])
    while (!deadNow().every(({ state, inFlight }) => state === 'ejected' && inFlight === 0)) await get()
    const tries = () => deadNow().reduce((sum, { requests }) => sum + requests, 0)
    const before = tries()
    let probes = 0
    balancer.on('endpoint', ({ type }) => {
      if (type === 'probing') probes++
    })
    const answers: Promise<string>[] = []
    for (let i = 0; i < 300; i++) {
      answers.push(get())
      await sleep(5)
    }
    expect((await Promise.all(answers)).filter((answer) => answer !== '200 well')).toEqual([])
    expect(tries() - before).toBeLessThanOrEqual(probes)
    expect(balancer.stats().services.users).toMatchObject({ panic: true, failed: 0 })
  })
})

it('an endpoint that answers 200 and breaks every body gets five requests, then a probe at a time', async () => {
  const endpoints = await startEndpoints(3)
  endpoints[0].handle = (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half')
    setTimeout(() => response.destroy(), 100)
  }
  const balancer = balancerOver(endpoints, { policy: 'round-robin' })
  let probes = 0
  let ejections = 0
  balancer.on('endpoint', ({ type }) => {
    if (type === 'probing') probes++
    if (type === 'ejected') ejections++
  })
  const get = () => balancer.fetch('http://users/').then((response) => response.text())
  while (ejections === 0) await get().catch(() => {})
  expect(endpoints[0].requests).toBe(5)
  const texts: Promise<string>[] = []
  while (ejections < 2) {
    texts.push(get().catch(() => 'broken'))
    await sleep(10)
  }
  const broken = (await Promise.all(texts)).filter((text) => text === 'broken')
  expect([probes, broken.length, endpoints[0].requests]).toEqual([1, 1, 6])
  // Whole again, it is back.
  endpoints[0].handle = answering('a')
  while (balancer.stats().services.users.endpoints.a.state !== 'ready') {
    await get()
    await sleep(10)
  }
})

describe.each([429, 503])('an endpoint that answers %d with Retry-After: 1', (status) => {
  it('gets nothing for a second, and its requests afterwards', async () => {
    const endpoints = await startEndpoints(3)
    endpoints[0].handle = (_request, response) =>
      response.writeHead(status, { 'retry-after': '1' }).end('slow down')
    const balancer = balancerOver(endpoints, { policy: 'round-robin', retry: false })
    const changes: string[] = []
    balancer.on('endpoint', ({ endpoint, type }) => changes.push(`${endpoint.id} ${type}`))
    const get = async () => {
      const response = await balancer.fetch('http://users/')
      await response.text()
      return response.status
    }
    const parkedAt: number[] = []
    while (changes.length === 0) {
      parkedAt[0] = performance.now()
      await get()
    }
    expect(balancer.stats().services.users.endpoints.a.state).toBe('parked')
    endpoints[0].handle = answering('a')
    while (endpoints[0].requests === 1) {
      expect(await get()).toBe(200)
      await sleep(5)
    }
    expect(performance.now() - parkedAt[0]).toBeGreaterThanOrEqual(1_000)
    expect(changes).toEqual(['a parked', 'a returned'])
    expect(balancer.stats().services.users.panic).toBe(false)
  })
})

it('where all three answer 429 with Retry-After, two still take the requests', async () => {
  const endpoints = await startEndpoints(3)
  for (const endpoint of endpoints)
    endpoint.handle = (_request, response) => response.writeHead(429, { 'retry-after': '20' }).end()
  const balancer = balancerOver(endpoints)
  for (let i = 0; i < 30; i++) expect((await balancer.fetch('http://users/')).status).toBe(429)
  const states = Object.values(balancer.stats().services.users.endpoints).map(({ state }) => state)
  expect(states.sort()).toEqual(['parked', 'ready', 'ready'])
})

it('after all were dead, the first to serve again is back at once', async () => {
  const endpoints = await startEndpoints(3)
  for (const endpoint of endpoints) endpoint.handle = answering('sorry', 503)
  const balancer = balancerOver(endpoints, { retry: false })
  const states = () => balancer.stats().services.users.endpoints
  while (Object.values(states()).some(({ state }) => state === 'ready')) await balancer.fetch('http://users/')
  endpoints[1].handle = answering('b')
  let tries = 0
  while ((await balancer.fetch('http://users/')).status !== 200) tries++
  expect(states().b.state).toBe('ready')
  // Well before the first ejections are over: each try goes to one of three.
  expect(tries).toBeLessThan(200)
  for (let i = 0; i < 20; i++) expect((await balancer.fetch('http://users/')).status).toBe(200)
})
