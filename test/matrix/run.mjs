// Every way in which a caller may send requests through fairlead, on the Node that runs this file: Node's own global
// `fetch`, `balancer.fetch`, undici 7 and, where it runs, undici 8. Prints a line a case and `N passed, N failed`.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { Balancer, engine } from '../../dist/index.js'

const require = createRequire(import.meta.url)
const CASE_LIMIT_MS = 10_000
const undici7 = require('undici')
const [major, minor] = process.versions.node.split('.').map(Number)
const undici8 = major > 22 || (major === 22 && minor >= 19) ? require('undici-8') : undefined

/** @typedef {(url: string, init?: RequestInit) => Promise<{ status: number, headers: (name: string) => string | null, text: () => Promise<string> }>} Send */

/** A caller by its name: makes the function that sends one request, and undoes what it set up. */
const CALLERS = {
  'balancer.fetch': (balancer) => ({
    send: viaFetch((url, init) => balancer.fetch(url, init)),
    servicesOnly: true,
  }),
  'global fetch by setGlobalDispatcher of undici 7': (balancer) =>
    globally(undici7, balancer, viaFetch(fetch)),
  'global fetch by its dispatcher option': (balancer) => {
    const dispatcher = balancer.dispatcher()
    return { send: viaFetch((url, init) => fetch(url, { ...init, dispatcher })) }
  },
  'undici 7 request': (balancer) => ({ send: viaRequest(undici7, balancer.dispatcher()) }),
  'undici 7 fetch': (balancer) => {
    const dispatcher = balancer.dispatcher()
    return { send: viaFetch((url, init) => undici7.fetch(url, { ...init, dispatcher })) }
  },
  ...(undici8 && {
    'undici 8 request': (balancer) => ({ send: viaRequest(undici8, balancer.dispatcher()) }),
    'undici 8 fetch': (balancer) => {
      const dispatcher = balancer.dispatcher()
      return { send: viaFetch((url, init) => undici8.fetch(url, { ...init, dispatcher })) }
    },
    'global fetch by setGlobalDispatcher of undici 8': (balancer) =>
      globally(undici8, balancer, viaFetch(fetch)),
  }),
}

function globally(undici, balancer, send) {
  const before = undici.getGlobalDispatcher()
  undici.setGlobalDispatcher(balancer.dispatcher())
  return { send, undo: () => undici.setGlobalDispatcher(before) }
}

const viaFetch = (fetchLike) => async (url, init) => {
  const response = await fetchLike(url, init)
  return {
    status: response.status,
    headers: (name) => response.headers.get(name),
    text: () => response.text(),
    body: response.body,
  }
}

const viaRequest = (undici, dispatcher) => async (url, init) => {
  const { statusCode, headers, body } = await undici.request(url, { ...init, dispatcher })
  return {
    status: statusCode,
    headers: (name) => [headers[name] ?? []].flat().join(', '),
    text: () => body.text(),
    body,
  }
}

/** What is tried with each caller: gets the function that sends, the balancer and its two endpoints. */
const CASES = {
  'balances a GET over the endpoints, headers and body arrive whole': async ({ send, endpoints }) => {
    for (let i = 0; i < 4; i++) {
      const response = await send('http://users/get')
      assert.equal(response.status, 200)
      assert.equal(response.headers('x-two'), 'one, two')
      assert.match(await response.text(), /^[ab]:GET:$/)
    }
    assert.deepEqual([endpoints[0].requests, endpoints[1].requests], [2, 2])
  },
  'sends a POST body': async ({ send }) => {
    const response = await send('http://users/post', { method: 'POST', body: 'hello' })
    assert.match(await response.text(), /^[ab]:POST:hello$/)
  },
  'tries again elsewhere after 503 and after a refused connection': async ({ send, endpoints, balancer }) => {
    endpoints[0].status = 503
    for (let i = 0; i < 4; i++) assert.match(await (await send('http://users/')).text(), /^b/)
    balancer.service('users').add({ id: 'dead', url: endpoints[2].url })
    for (let i = 0; i < 6; i++) assert.match(await (await send('http://users/')).text(), /^b/)
    assert.equal(balancer.stats().services.users.failed, 0)
  },
  'reads a long body in order': async ({ send }) => {
    const text = await (await send('http://users/long')).text()
    assert.equal(text.length, 4_000_000)
  },
  'stops at the caller’s abort, and gives the place back': async ({ send, balancer }) => {
    const reason = new Error('enough')
    const aborter = new AbortController()
    setTimeout(() => aborter.abort(reason), 50)
    await assert.rejects(send('http://users/never', { signal: aborter.signal }), (error) => error === reason)
    while (balancer.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(balancer.stats().services.users.cancelled, 1)
  },
  'passes other hosts through, or refuses them': async ({ send, servicesOnly, endpoints }) => {
    if (servicesOnly)
      return assert.rejects(send(`${endpoints[1].url}/`), { code: 'FAIRLEAD_UNKNOWN_SERVICE' })
    assert.match(await (await send(`${endpoints[1].url}/`)).text(), /^b/)
  },
  'says that no endpoint is left': async ({ send, balancer }) => {
    for (const { id } of balancer.service('users').endpoints) balancer.service('users').remove(id)
    const error = await send('http://users/').catch((reason) => reason)
    assert.equal(error.code ?? error.cause?.code, 'FAIRLEAD_NO_ENDPOINT')
  },
}

class Endpoint {
  requests = 0
  status = 200

  constructor(name) {
    this.name = name
    this.server = createServer((request, response) => this.#answer(request, response))
  }

  #answer(request, response) {
    this.requests++
    if (request.url === '/never') return
    if (request.url === '/long') return void response.end('x'.repeat(4_000_000))
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      response.writeHead(this.status, ['X-Two', 'one', 'X-Two', 'two'])
      response.end(`${this.name}:${request.method}:${body}`)
    })
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${this.server.address().port}`
    return this
  }

  stop() {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(resolve))
  }
}

async function runCase(connect, body) {
  const endpoints = [
    await new Endpoint('a').start(),
    await new Endpoint('b').start(),
    await new Endpoint('dead').start(),
  ]
  await endpoints[2].stop()
  const balancer = new Balancer({
    services: {
      users: {
        endpoints: endpoints.slice(0, 2).map(({ name, url }) => ({ id: name, url })),
        policy: 'round-robin',
        outlier: false,
      },
    },
  })
  const { send, undo, servicesOnly } = connect(balancer)
  let timer
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${CASE_LIMIT_MS} ms`)), CASE_LIMIT_MS)
  })
  try {
    await Promise.race([body({ send, servicesOnly, balancer, endpoints }), limit])
  } finally {
    clearTimeout(timer)
    undo?.()
    await balancer.stop({ drainMs: 0 })
    await Promise.all(endpoints.slice(0, 2).map((endpoint) => endpoint.stop()))
  }
}

let passed = 0
let failed = 0
const label = `Node ${process.versions.node}, ${engine.kind}`

async function check(name, body) {
  try {
    await body()
    passed++
    console.log(`ok   ${label}: ${name}`)
  } catch (error) {
    failed++
    console.log(`FAIL ${label}: ${name}\n${error.stack}`)
  }
}

await check('require() gives what import gives', () =>
  assert.equal(require('../../dist/index.js').Balancer, Balancer),
)
for (const [caller, connect] of Object.entries(CALLERS)) {
  for (const [name, body] of Object.entries(CASES))
    await check(`${caller}: ${name}`, () => runCase(connect, body))
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
