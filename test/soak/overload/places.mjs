// Whether each place of a balancer at rest is there, and goes to who waits for it.
import { LAST_PLACES } from './plan.mjs'

const TIERS = 4
const WAITERS = 8

/** Takes every place of every service, lets requests of all tiers wait, and gives the places back. What was wrong, in words. */
export async function handedOver(balancer, config) {
  await balancer.update(config)
  const wrong = []
  for (const name of balancer.serviceNames) {
    const service = balancer.service(name)
    for (const { id } of service.endpoints) service.set(id, { state: 'ready', breaker: 'closed' })
    const places = LAST_PLACES * service.endpoints.length
    const leases = takeAll(balancer, name, places + 1)
    if (leases.length !== places) wrong.push(`${name} has ${leases.length} places instead of ${places}`)
    const placed = []
    const waiting = Array.from({ length: WAITERS }, async (_, i) => {
      const priority = TIERS - 1 - (i % TIERS)
      const lease = await balancer.acquire(name, { priority })
      placed.push(priority)
      return lease
    })
    const taken = leases.splice(0)
    for (const lease of taken) lease.end({ ok: true })
    for (const lease of await Promise.all(waiting)) lease.end({ ok: true })
    if (String(placed) !== String([...placed].sort()))
      wrong.push(`${name}: tiers were placed in the order ${placed}`)
    const { inFlight, queue } = balancer.stats().services[name]
    if (inFlight !== 0 || queue.waiting !== 0)
      wrong.push(`${name}: ${inFlight} in flight, ${queue.waiting} wait`)
  }
  return wrong
}

function takeAll(balancer, name, most) {
  const leases = []
  try {
    while (leases.length < most) leases.push(balancer.pick(name))
  } catch (error) {
    if (error.code !== 'FAIRLEAD_OVERLOADED') throw error
  }
  return leases
}
