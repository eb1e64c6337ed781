/** Many requests that wait: what one of them takes in memory, and what it takes to give the wait for one up. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Balancer } from 'fairlead'
import type { Case, Sample } from '../harness/case.js'
import { median } from '../harness/statistics.js'
import { PromiseQueue } from './promise-queue.js'

export interface Parameters {
  readonly subject: 'fairlead' | 'promise-queue'
  /** Each waits with an `AbortSignal` of its own. */
  readonly signals: boolean
  /** Requests that wait, over all services. */
  readonly waiters: number
  /** Of the two lines in which single requests give up: how many wait there. */
  readonly short: number
  readonly long: number
}

const SERVICES = ['a', 'b', 'c', 'd']
/** Requests of such a line that give up. */
const LEAVE = 200
/** `queue.limit` is at most this. */
const MOST = 32_768
/** Longer than any wait here, ms. */
const DEADLINE_MS = 600_000
const WARM_UPS = 5
const NS_PER_MS = 1e6
/** An abort without a reason makes an error first, which takes longer than all else. */
const REASON = new Error('the caller is gone')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Services of which all places are taken. */
interface Crowded {
  /** Asks for a place. */
  wait(service: string, signal: AbortSignal | undefined): Promise<unknown>
  /** Requests that wait, of all services. */
  readonly waiting: number
}

export function prepare({ subject, signals, waiters, ...lines }: Parameters): Case {
  const create = subjects[subject]
  const small = create()
  for (let i = 0; i < (signals ? WARM_UPS : 0); i++) leave(line(small, lines.short), lines.short)
  return {
    /** A process measures once. */
    slice(): Sample {
      // Of their own each: requests that have left stay in line until it moves.
      const abort = signals
        ? { short: leave(line(create(), lines.short), LEAVE), long: leave(line(create(), lines.long), LEAVE) }
        : { short: 0, long: 0 }
      return { ...abort, ...crowd(create(), waiters, signals) }
    },
    close: () => process.exit(0),
  }
}

const subjects: Readonly<Record<Parameters['subject'], () => Crowded>> = {
  fairlead() {
    const service = {
      endpoints: ['http://10.0.0.1:8080'],
      limits: { perEndpoint: { maxRequests: 1 } },
      queue: { limit: MOST, discipline: 'fifo' as const, deadlineMs: DEADLINE_MS },
    }
    const balancer = new Balancer({
      services: Object.fromEntries(SERVICES.map((name) => [name, service])),
    })
    for (const name of SERVICES) balancer.pick(name)
    return {
      wait: (name, signal) => balancer.acquire(name, signal && { signal }),
      get waiting() {
        const { services } = balancer.stats()
        return SERVICES.reduce((sum, name) => sum + services[name].queue.waiting, 0)
      },
    }
  },
  'promise-queue'() {
    const queues = new Map(SERVICES.map((name) => [name, new PromiseQueue(0)]))
    return {
      wait: (name, signal) => (queues.get(name) as PromiseQueue).acquire(signal),
      get waiting() {
        return [...queues.values()].reduce((sum, { waiting }) => sum + waiting, 0)
      },
    }
  },
}

/** Requests that wait in one line, by what has them give up. */
function line(crowded: Crowded, length: number): AbortController[] {
  const controllers = Array.from({ length }, () => new AbortController())
  for (const { signal } of controllers) crowded.wait(SERVICES[0], signal).catch(() => {})
  demand(crowded, length)
  return controllers
}

function demand({ waiting }: Crowded, expected: number): void {
  if (waiting !== expected) throw new Error(`${waiting} requests wait, not ${expected}`)
}

/** `count` of them, in a random order, give up: median time of one, ns. */
function leave(controllers: readonly AbortController[], count: number): number {
  const ns: number[] = []
  for (const controller of shuffled(controllers).slice(0, count)) {
    const begun = performance.now()
    controller.abort(REASON)
    ns.push((performance.now() - begun) * NS_PER_MS)
  }
  return median(ns)
}

/** All of them over all services: bytes of each, and ns to join and, where they can, to give up. */
function crowd(crowded: Crowded, waiters: number, signals: boolean): Sample {
  const controllers = Array.from({ length: signals ? waiters : 0 }, () => new AbortController())
  const promises: Promise<unknown>[] = new Array(waiters)
  const before = memory()
  const begun = performance.now()
  for (let i = 0; i < waiters; i++)
    promises[i] = crowded.wait(SERVICES[i % SERVICES.length], controllers[i]?.signal)
  const joined = performance.now()
  const after = memory()
  demand(crowded, waiters)
  for (const one of promises) one.catch(() => {})
  const order = shuffled(controllers)
  const leaving = performance.now()
  for (const controller of order) controller.abort(REASON)
  const left = performance.now()
  demand(crowded, waiters - controllers.length)
  return {
    heap: (after.heap - before.heap) / waiters,
    resident: (after.resident - before.resident) / waiters,
    join: ((joined - begun) * NS_PER_MS) / waiters,
    abortAll: ((left - leaving) * NS_PER_MS) / waiters,
  }
}

/** Bytes: of objects, with what they have outside of the heap, and of the process. */
function memory(): { heap: number; resident: number } {
  collect()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, resident: rss }
}

/** In an order that is the same each time. */
function shuffled<T>(all: readonly T[]): T[] {
  const order = [...all]
  let random = 1
  for (let i = order.length - 1; i > 0; i--) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
    const other = random % (i + 1)
    const one = order[i]
    order[i] = order[other]
    order[other] = one
  }
  return order
}
