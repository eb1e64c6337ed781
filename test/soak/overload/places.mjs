// Whether each place of a balancer at rest is there, and goes to who waits for it, when others of those that wait leave or end.
import { WAYS } from './load.mjs'
import { LAST_PLACES } from './plan.mjs'

const TIERS = 4
const WAITERS = 8

export class Places {
  #balancer
  #load
  #workers
  #below
  #settled

  /** @param settled waits until a list of what is wrong is empty */
  constructor({ balancer, load, workers, below, settled }) {
    this.#balancer = balancer
    this.#load = load
    this.#workers = workers
    this.#below = below
    this.#settled = settled
  }

  /** Of one service, in that configuration: what was wrong, in words. */
  async check(name, config) {
    await this.#balancer.update(config)
    const service = this.#balancer.service(name)
    for (const { id } of service.endpoints) service.set(id, { state: 'ready', breaker: 'closed' })
    const places = LAST_PLACES * service.endpoints.length
    const leases = this.#takeAll(name, places + 1)
    const wrong = leases.length === places ? [] : [`${leases.length} places instead of ${places}`]
    wrong.push(...(await this.#left(name)))
    wrong.push(...(await this.#ended(name, leases)))
    await this.#settled(() => (this.#balancer.stats().services[name].inFlight === 0 ? [] : ['in flight']))
    wrong.push(...(await this.#tiers(name, places)))
    for (const { id } of service.endpoints) service.set(id, { breaker: 'auto' })
    return wrong.map((one) => `${name}: ${one}`)
  }

  /** Requests of all threads wait, and their callers leave. */
  async #left(name) {
    const wrong = await this.#wait(name, true)
    this.#load.leave()
    await this.#workers.askAll('leave')
    const ends = [await this.#load.waited(), ...(await this.#workers.askAll('waited'))].flat()
    const others = ends.filter((end) => end !== 'aborted')
    if (others.length > 0) wrong.push(`callers that have left were told: ${others}`)
    return [...wrong, ...(await this.#settled(() => this.#waiting(name, 0)))]
  }

  /** Requests of all threads wait; a thread is terminated just as places are granted to it. All others get theirs. */
  async #ended(name, leases) {
    const wrong = await this.#wait(name, false)
    const place = 1 + this.#below(this.#workers.count - 1)
    for (const lease of leases.splice(0, this.#below(leases.length))) lease.end({ ok: true })
    await this.#workers.replace(place)
    for (const lease of leases) lease.end({ ok: true })
    // The new thread has none.
    await this.#workers.ready()
    const ends = [await this.#load.waited(), ...(await this.#workers.askAll('waited'))].flat()
    const others = ends.filter((end) => end !== 'answered')
    if (others.length > 0) wrong.push(`of those that waited some have ${others}`)
    return wrong
  }

  /** In line by tiers. */
  async #tiers(name, places) {
    const leases = this.#takeAll(name, places + 1)
    const placed = []
    const waiting = Array.from({ length: WAITERS }, async (_, i) => {
      const priority = TIERS - 1 - (i % TIERS)
      const lease = await this.#balancer.acquire(name, { priority })
      placed.push(priority)
      return lease
    })
    for (const lease of leases) lease.end({ ok: true })
    for (const lease of await Promise.all(waiting)) lease.end({ ok: true })
    return String(placed) === String([...placed].sort()) ? [] : [`tiers were placed in the order ${placed}`]
  }

  async #wait(name, mayLeave) {
    this.#load.wait(name, mayLeave)
    await this.#workers.askAll('wait', { name, mayLeave })
    return this.#settled(() => this.#waiting(name, WAYS.length * (1 + this.#workers.count)))
  }

  #waiting(name, should) {
    const { waiting } = this.#balancer.stats().services[name].queue
    return waiting === should ? [] : [`${waiting} requests wait instead of ${should}`]
  }

  #takeAll(name, most) {
    const leases = []
    try {
      while (leases.length < most) leases.push(this.#balancer.pick(name))
    } catch (error) {
      if (error.code !== 'FAIRLEAD_OVERLOADED') throw error
    }
    return leases
  }
}
