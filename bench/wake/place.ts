/**
 * A request that waits in the admission queue for the only place, until the other thread ends the request that holds it. Then
 * the place goes back, and the two begin anew.
 */
import { Balancer, type BalancerHandle, type Lease } from 'fairlead'
import type { Sleeper, Way } from './way.js'

const SERVICE = 'bench'
/** Longer than any wait here, ms. */
const DEADLINE_MS = 60_000

interface Ends {
  readonly balancer: BalancerHandle
  readonly turns: Int32Array
}

/** Words: how often the sleeper has given the place back, and how often the other one has taken it again. */
const GIVEN = 0
const TAKEN = 1

// Kept here, too: its memory is to stay.
let owner: Balancer | undefined

export const way = (): Way => ({
  create() {
    owner = new Balancer({
      services: {
        [SERVICE]: {
          endpoints: ['http://10.0.0.1:8080'],
          limits: { perEndpoint: { maxRequests: 1 } },
          queue: { discipline: 'fifo', deadlineMs: DEADLINE_MS },
        },
      },
    })
    const ends: Ends = { balancer: owner.handle, turns: new Int32Array(new SharedArrayBuffer(8)) }
    return { sleeper: ends, waker: ends }
  },
  sleeper(end): Sleeper {
    const { balancer: handle, turns } = end as Ends
    const balancer = Balancer.attach(handle)
    let turn = 0
    return {
      async sleep(rounds, ready, woken) {
        for (let i = 0; i < rounds; i++) {
          Atomics.wait(turns, TAKEN, turn)
          const waiting = balancer.acquire(SERVICE)
          ready()
          const lease = await waiting
          woken()
          lease.end({ ok: true })
          turn++
          tell(turns, GIVEN)
        }
      },
    }
  },
  waker(end) {
    const { balancer: handle, turns } = end as Ends
    const balancer = Balancer.attach(handle)
    let turn = 0
    let lease: Lease
    const take = (): void => {
      lease = balancer.pick(SERVICE)
      tell(turns, TAKEN)
    }
    take()
    return () => {
      lease.end({ ok: true })
      Atomics.wait(turns, GIVEN, turn++)
      take()
    }
  },
})

function tell(turns: Int32Array, word: number): void {
  Atomics.add(turns, word, 1)
  Atomics.notify(turns, word)
}
