// A thread that attaches to a balancer, or makes one, and does what it is asked, by name; see attached.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer, definePolicy } from '../../dist/index.js'

const { handle, config } = workerData
const balancer = config === undefined ? Balancer.attach(handle) : new Balancer(config)
const leases = []
const events = []
balancer.on('endpoint', ({ type, endpoint }) => events.push(`${endpoint.id} ${type}`))
balancer.on('config', () => events.push('config'))

const jobs = {
  /** Picks `count` times and keeps the leases; the ids of the endpoints. */
  hold: (count = 1, request = 'users') =>
    Array.from({ length: count }, () => {
      const lease = balancer.pick(request)
      leases.push(lease)
      return lease.endpoint.id
    }),
  /** Ends what is held, all alike. */
  release: (outcome) => {
    for (const lease of leases.splice(0)) lease.end(outcome)
  },
  /** Picks and ends `count` times; how often each endpoint came. */
  turns: (count, outcome, request = 'users') => {
    const counts = {}
    for (let i = 0; i < count; i++) {
      const lease = balancer.pick(request)
      counts[lease.endpoint.id] = (counts[lease.endpoint.id] ?? 0) + 1
      lease.end(outcome)
    }
    return counts
  },
  /** Picks until one endpoint has come, ends that as told, and whether it ever came. */
  failAt: (id, times, outcome) => {
    let left = times
    for (let i = 0; i < 10_000 && left > 0; i++) {
      const lease = balancer.pick('users')
      if (lease.endpoint.id === id) left--
      lease.end(lease.endpoint.id === id ? outcome : undefined)
    }
    return left
  },
  /** A policy that always chooses the endpoint at `position`. */
  define: (name, position) => definePolicy(name, { picker: (view) => () => view.endpoints[position] }),
  stats: () => balancer.stats(),
  inFlight: () => balancer.inFlight,
  start: () => balancer.start(),
  stop: (options) => balancer.stop(options),
  update: (config) => balancer.update(config),
  synced: () => balancer.synced(),
  add: async (endpoint, service = 'users') => {
    balancer.service(service).add(endpoint)
    await balancer.synced()
  },
  remove: async (id, service = 'users') => {
    balancer.service(service).remove(id)
    await balancer.synced()
  },
  set: (id, change) => balancer.service('users').set(id, change),
  addRule: async (rule) => {
    balancer.rules.add(rule)
    await balancer.synced()
  },
  rules: () => balancer.rules.list().map(({ id }) => id),
  ids: (service = 'users') => balancer.service(service).endpoints.map(({ id }) => id),
  names: () => balancer.serviceNames,
  leads: () => balancer.leads,
  events: () => events.splice(0),
  fetch: async (url) => (await balancer.fetch(url)).text(),
  handle: () => balancer.handle,
  /** What a user cannot: takes retries out of the budget by hand, through another balancer of this thread. */
  withdrawAll: async () => {
    const { BalancerCore } = await import('../../dist/balancer/balancer.js')
    const { openAttachment } = await import('../../dist/shared/handle.js')
    const core = new BalancerCore(openAttachment(balancer.handle, balancer.handle.engine))
    let taken = 0
    while (core.known('users').budget.withdraw()) taken++
    await core.stop()
    return taken
  },
  /** Holds this thread's event loop. */
  block: (ms) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  },
  /** Adds and removes endpoints of its own, again and again; every change is one of its own. */
  churn: (name, rounds) => {
    const users = balancer.service('users')
    for (let i = 0; i < rounds; i++) {
      users.add(`http://${name}-${i}.test`)
      if (i % 3 !== 0) users.remove(`http://${name}-${i}.test`)
    }
  },
  exit: () => process.exit(3),
  throw: () => {
    setImmediate(() => {
      throw new Error('on purpose')
    })
  },
}

parentPort.on('message', async ({ id, job, args }) => {
  try {
    parentPort.postMessage({ id, value: await jobs[job](...args) })
  } catch (error) {
    parentPort.postMessage({ id, error: { name: error.name, code: error.code, message: error.message } })
  }
})
parentPort.postMessage({ id: 0 })
