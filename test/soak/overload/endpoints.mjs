// Endpoints of the soak under overload, in a process of their own: each has workers, and a line without end before them. Of a
// caller that has gone they notice nothing. Told to, one hangs, is killed and comes back, or answers 500.
import { createServer } from 'node:http'
import { seeded } from '../../support/seeded.mjs'
import { SERVICES, SPARE } from './plan.mjs'

const RETRY_LISTEN_MS = 20
const LARGE = Buffer.alloc(65_536, 'x')
const below = seeded(Number(process.argv[2]))
const exponential = (meanMs) => -Math.log(1 - below(1e6) / 1e6) * meanMs

class Endpoint {
  port = 0
  sockets = new Set()
  #line = []
  #atWork = 0
  #hangs = false
  #fails = false
  #listens = false
  /** Answers everything at once. */
  #isEmptied = false

  constructor({ workers, meanMs }) {
    this.workers = workers
    this.meanMs = meanMs
    this.server = createServer({ keepAlive: true }, (request, response) => {
      request.on('error', () => {}).resume()
      response.on('error', () => {})
      this.#line.push(response)
      this.#work()
    })
    this.server.keepAliveTimeout = 0
    this.server.on('connection', (socket) => {
      socket.on('error', () => {})
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  /** The port stays the same; somebody else may have it for a moment. */
  async listen() {
    while (!this.#listens) {
      this.#listens = await new Promise((resolve) => {
        this.server.once('error', () => resolve(false))
        this.server.listen(this.port, '127.0.0.1', () => resolve(true))
      })
      this.server.removeAllListeners('error')
      if (!this.#listens) await new Promise((resolve) => setTimeout(resolve, RETRY_LISTEN_MS))
    }
    this.port = this.server.address().port
  }

  hang() {
    this.#hangs = true
  }

  fail() {
    this.#fails = true
  }

  kill() {
    if (!this.#listens) return
    this.#listens = false
    this.server.close()
    for (const socket of this.sockets) socket.resetAndDestroy()
    this.#line = []
  }

  async heal() {
    this.#hangs = false
    this.#fails = false
    await this.listen()
    this.#work()
  }

  empty(isEmptied) {
    this.#isEmptied = isEmptied
    this.#work()
  }

  #work() {
    while (!this.#hangs && this.#line.length > 0 && (this.#isEmptied || this.#atWork < this.workers)) {
      const response = this.#line.shift()
      if (this.#isEmptied) {
        this.#answer(response)
        continue
      }
      this.#atWork++
      setTimeout(() => {
        this.#atWork--
        if (this.#hangs) this.#line.unshift(response)
        else this.#answer(response)
        this.#work()
      }, exponential(this.meanMs))
    }
  }

  #answer(response) {
    response.statusCode = this.#fails && below(2) === 0 ? 500 : 200
    if (below(20) !== 0) return response.end('ok')
    response.write(LARGE)
    setTimeout(() => response.end(LARGE), 5)
  }
}

const all = SERVICES.flatMap((service) =>
  Array.from({ length: service.endpoints + SPARE }, () => ({
    name: service.name,
    endpoint: new Endpoint(service),
  })),
)
const one = (id) => all[id].endpoint
const everyone = (what) => Promise.all(all.map(({ endpoint }) => what(endpoint)))

const ORDERS = {
  hang: ({ id }) => one(id).hang(),
  fail: ({ id }) => one(id).fail(),
  kill: ({ id }) => one(id).kill(),
  heal: ({ id }) => (id === undefined ? everyone((endpoint) => endpoint.heal()) : one(id).heal()),
  empty: ({ on }) => everyone((endpoint) => endpoint.empty(on)),
  /** A line for each. One that was reset may stay without a `close`, though it has no address any more: none is open then. */
  connections: () =>
    all.flatMap(({ name, endpoint: { sockets } }) =>
      [...sockets]
        .filter(({ remotePort }) => remotePort !== undefined)
        .map(({ remotePort, readyState, bytesRead, bytesWritten }) => {
          return `${name} from ${remotePort}: ${readyState}, ${bytesRead} read, ${bytesWritten} written`
        }),
    ),
  closeIdle: () => everyone((endpoint) => endpoint.server.closeIdleConnections()),
}

await everyone((endpoint) => endpoint.listen())
process.on('message', async ({ number, order, ...rest }) => {
  const value = await ORDERS[order](rest)
  process.send({ number, value: order === 'connections' ? value : undefined })
})
process.on('disconnect', () => process.exit())
process.send({ endpoints: all.map(({ name, endpoint: { port } }) => ({ name, port })) })
