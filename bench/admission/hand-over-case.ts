/** From the end of a request to the next one's having its place, within one thread. */
import { Balancer } from 'fairlead'
import type { Case } from '../harness/case.js'
import { percentile } from '../harness/statistics.js'
import { PromiseQueue } from './promise-queue.js'

export interface Parameters {
  readonly subject: 'fairlead' | 'promise-queue'
}

const SERVICE = 'bench'
/** Longer than any wait here, ms. */
const DEADLINE_MS = 60_000
const NS_PER_US = 1e3

/** Takes the only place, or waits for it; what it resolves to gives it back. */
type Acquire = () => Promise<() => void>

export function prepare({ subject }: Parameters): Case {
  const acquire = subjects[subject]()
  return {
    /** @param count hand-overs */
    async slice(count) {
      const us: number[] = []
      let giveBack = await acquire()
      for (let i = 0; i < (count as number); i++) {
        let placed = 0
        const waiting = acquire().then((next) => {
          placed = now()
          return next
        })
        const begun = now()
        giveBack()
        giveBack = await waiting
        us.push((placed - begun) / NS_PER_US)
      }
      giveBack()
      return { p50: percentile(us, 0.5), p99: percentile(us, 0.99) }
    },
  }
}

const subjects: Readonly<Record<Parameters['subject'], () => Acquire>> = {
  fairlead() {
    const balancer = new Balancer({
      services: {
        [SERVICE]: {
          endpoints: ['http://10.0.0.1:8080'],
          limits: { perEndpoint: { maxRequests: 1 } },
          queue: { discipline: 'fifo', deadlineMs: DEADLINE_MS },
        },
      },
    })
    // No async function: a further turn of the microtasks would be in the figure.
    return () => balancer.acquire(SERVICE).then((lease) => () => lease.end({ ok: true }))
  },
  'promise-queue'() {
    const queue = new PromiseQueue(1)
    const giveBack = (): void => queue.release()
    return () => queue.acquire().then(() => giveBack)
  },
}

/** ns, on the clock that the hand-overs between threads are timed by. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}
