// One thread of many that wait for places: takes one, holds it for a moment, gives it back, or gives up waiting.
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer } from '../../dist/index.js'
import { seeded } from '../support/seeded.mjs'

const { handle, seed, shared, loops, until, leaves } = workerData
const balancer = Balancer.attach(handle)
const below = seeded(seed)
const [CLOCK, IN_USE, MOST_IN_USE] = [0, 1, 2]
const tick = () => Atomics.add(shared, CLOCK, 1)
const pause = (ms) => new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)))
/** [asked, waits, placed], each a moment on the clock that all threads share; of requests that had to wait. */
const history = []
let done = 0
let failed = 0
let left = 0

function use() {
  const inUse = Atomics.add(shared, IN_USE, 1) + 1
  for (let most = Atomics.load(shared, MOST_IN_USE); inUse > most; most = Atomics.load(shared, MOST_IN_USE))
    if (Atomics.compareExchange(shared, MOST_IN_USE, most, inUse) === most) return
}

async function loop() {
  while (done + failed + left < until) {
    const caller = new AbortController()
    const asked = tick()
    let placed = 0
    const place = balancer
      .acquire('users', { signal: caller.signal })
      .then((lease) => {
        placed = tick()
        use()
        return lease
      })
      .catch(() => undefined)
    const waits = tick()
    if (below(100) < leaves) {
      await pause(below(3))
      caller.abort(new Error('enough'))
    }
    const lease = await place
    if (lease === undefined) {
      if (caller.signal.aborted) left++
      else failed++
      await pause(0)
      continue
    }
    history.push([asked, waits, placed])
    await pause(below(3))
    Atomics.sub(shared, IN_USE, 1)
    lease.end({ ok: true })
    done++
  }
}

parentPort.postMessage('ready')
await Promise.all(Array.from({ length: loops }, loop))
await balancer.stop()
parentPort.postMessage({ history, done, failed, left })
