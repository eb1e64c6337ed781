// One of many threads of a stress test: does its share of the work, in an order that chance decides, and says what it has done.
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer, RequestQueue, TicketQueue } from '../../dist/index.js'
import { seeded } from '../support/seeded.mjs'

const { job, index, times, seed, gate, handles } = workerData
const below = seeded(seed)
const balancer = handles.balancer && Balancer.attach(handles.balancer)
const tickets = handles.tickets && TicketQueue.attach(handles.tickets)
const requests = handles.requests && RequestQueue.attach(handles.requests)
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** What went into a queue and what came out of it, each number telling its thread and its place. */
class Account {
  pushed = 0
  pushedSum = 0
  popped = 0
  poppedSum = 0
  outOfOrder = 0
  #last = new Map()

  take(number) {
    this.pushed++
    this.pushedSum += number
  }

  give(number) {
    this.popped++
    this.poppedSum += number
    const producer = Math.floor(number / 100_000)
    if (number <= (this.#last.get(producer) ?? -1)) this.outOfOrder++
    this.#last.set(producer, number)
  }
}

const IN_FLIGHT = 8
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const accounts = { tickets: new Account(), requests: new Account() }
let next = index * 100_000
const batch = new Uint32Array(7)

/** One call of a queue: of tickets and of requests in turn, single or several, in or out. */
function queueOperation() {
  const account = below(2) === 0 ? accounts.tickets : accounts.requests
  const isTickets = account === accounts.tickets
  switch (below(4)) {
    case 0: {
      const number = next++
      if (isTickets ? tickets.push(number) : requests.push(encoder.encode(String(number))))
        account.take(number)
      break
    }
    case 1: {
      const numbers = Uint32Array.from({ length: 1 + below(7) }, () => next++)
      const taken = isTickets ? tickets.pushMany(numbers) : requests.pushMany([...numbers].map(String))
      for (const number of numbers.subarray(0, taken)) account.take(number)
      break
    }
    default: {
      const room = batch.subarray(0, 1 + below(7))
      const got = isTickets
        ? room.subarray(0, tickets.popMany(room))
        : requests.popMany(room.length).map((bytes) => Number(decoder.decode(bytes)))
      for (const number of got) account.give(number)
    }
  }
}

const users = balancer?.service('users')
const own = []
let added = 0
/** One change of the service: an endpoint of this thread's comes, changes or goes. Two of them are left in the end. */
function topologyUpdate() {
  if (own.length < 2 || (own.length < 6 && below(2) === 0)) {
    const id = `http://t${index}-${added++}.test`
    users.add(id)
    own.push(id)
  } else if (below(2) === 0) {
    users.set(own[below(own.length)], { weight: 1 + below(9) })
  } else if (own.length > 2) {
    users.remove(own.splice(below(own.length), 1)[0])
  } else {
    users.set(own[0], { state: below(2) === 0 ? 'drain' : 'ready' })
  }
  const known = new Set(users.endpoints.map(({ id }) => id))
  if (!own.every((id) => known.has(id))) throw new Error('an endpoint of this thread is missing')
}

const leases = []
let picks = 0
function route() {
  leases.push(balancer.pick('users'))
  picks++
  while (leases.length > below(4))
    leases.splice(below(leases.length), 1)[0].end({ ok: below(8) > 0, latencyMs: 1 })
}

const jobs = {
  /** Real requests, some at a time; how often each endpoint answered. */
  async routes() {
    const answers = {}
    let left = times
    const one = async () => {
      while (left-- > 0) {
        const response = await balancer.fetch(`http://users/${index}`)
        const name = await response.text()
        if (response.status !== 200) throw new Error(`status ${response.status}`)
        answers[name] = (answers[name] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, one))
    return { answers }
  },
  async queueOperations() {
    for (let i = 0; i < times; i++) {
      queueOperation()
      if (below(50) === 0) await turn()
    }
    tickets.flush()
    requests.flush()
    return { accounts }
  },
  async topologyUpdates() {
    for (let i = 0; i < times; i++) {
      topologyUpdate()
      balancer.pick('users').end()
      if (below(50) === 0) await turn()
    }
    await balancer.synced()
    return { own }
  },
  async mixed() {
    for (let i = 0; i < times; i++) {
      const what = below(10)
      if (what < 4) route()
      else if (what < 8) queueOperation()
      else if (what < 9) topologyUpdate()
      else if (balancer.stats().services.users.inFlight < leases.length)
        throw new Error('own requests are not counted')
      if (below(20) === 0) await turn()
    }
    for (const lease of leases.splice(0)) lease.end({ ok: true })
    tickets.flush()
    requests.flush()
    await balancer.synced()
    return { accounts, own, picks }
  },
}

parentPort.postMessage('ready')
// All at once, as soon as all are there.
Atomics.wait(gate, 0, 0)
const done = await jobs[job]()
await balancer?.stop()
parentPort.postMessage(done)
