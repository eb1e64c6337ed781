/** Ten thousand services: records in chained segments, taken anew when services leave. */
import { expect, it, onTestFinished } from 'vitest'
import { BalancerCore } from '../../lib/balancer/balancer.js'
import { ServiceHandle } from '../../lib/balancer/service-handle.js'
import { SERVICE_SEGMENT_RECORDS } from '../../lib/engine/layout.js'
import { Balancer } from '../../lib/index.js'
import type { BalancerConfig } from '../../lib/model/index.js'
import { AttachedThread } from '../support/attached.js'

const COUNT = 10_000
const CASE_MS = 60_000

/** Services number `from` to `to`, each with one endpoint of its own. */
const servicesOf = (from: number, to: number): BalancerConfig => ({
  seed: 1,
  services: Object.fromEntries(
    Array.from({ length: to - from }, (_, i) => [
      `s${from + i}`,
      { endpoints: [`http://s${from + i}.test`], policy: 'round-robin' as const },
    ]),
  ),
})

const urlOf = (balancer: Pick<Balancer, 'pick'>, service: string): string => {
  const lease = balancer.pick(service)
  lease.end({ ok: true, status: 200, latencyMs: 5 })
  return lease.endpoint.url
}

function own(config: BalancerConfig): Balancer {
  const balancer = new Balancer(config)
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

const recordsOf = (balancer: BalancerCore): number[] =>
  balancer.serviceNames.map((name) => balancer.known(name).index).sort((a, b) => a - b)

it(
  '10,000 services are picked from, counted, removed and replaced; their records are used anew',
  async () => {
    const balancer = new BalancerCore(servicesOf(0, COUNT))
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    expect(urlOf(balancer, `s${COUNT - 1}`)).toBe(`http://s${COUNT - 1}.test`)
    expect(urlOf(balancer, 's0')).toBe('http://s0.test')
    const { services } = balancer.stats()
    expect(Object.keys(services)).toHaveLength(COUNT)
    expect([services.s0.requests, services.s1.requests, services[`s${COUNT - 1}`].requests]).toEqual([
      1, 0, 1,
    ])
    const before = recordsOf(balancer)
    expect(new Set(before).size).toBe(COUNT)
    expect(before.at(-1)).toBe(COUNT - 1)

    // A request keeps the record of a service that has left.
    const lease = balancer.pick('s1')
    await balancer.update(servicesOf(COUNT / 2, COUNT))
    expect(balancer.serviceNames).toHaveLength(COUNT / 2)
    expect(() => balancer.pick('s2')).toThrow(expect.objectContaining({ code: 'FAIRLEAD_UNKNOWN_SERVICE' }))
    await balancer.update(servicesOf(COUNT / 2, COUNT + COUNT / 2 - 1))
    const after = recordsOf(balancer)
    expect(after).toHaveLength(COUNT - 1)
    expect(after.at(-1)).toBe(COUNT - 1)
    expect(after.includes(1)).toBe(false)
    lease.end()
    for (const name of [`s${COUNT}`, `s${COUNT + COUNT / 2 - 2}`])
      expect(urlOf(balancer, name)).toBe(`http://${name}.test`)
    // What the services before them had counted went with those.
    expect(balancer.stats().services[`s${COUNT}`]).toMatchObject({ requests: 1, succeeded: 1 })
    const service = balancer.known(`s${COUNT + 1}`)
    new ServiceHandle(balancer.services, service).add('http://more.test')
    expect(service.members).toHaveLength(2)
  },
  CASE_MS,
)

it(
  '10,000 services are shared by threads, which pick from the last one and add to it',
  async () => {
    const balancer = own(servicesOf(0, COUNT))
    const thread = await new AttachedThread({ handle: balancer.handle }).ready()
    onTestFinished(() => thread.terminate())
    const last = `s${COUNT - 1}`
    expect(await thread.do('hold', 1, last)).toEqual([`http://${last}.test`])
    expect(balancer.stats().services[last].inFlight).toBe(1)
    expect(balancer.inFlight).toBe(1)
    // Its end is counted in whichever segment it was.
    await thread.terminate()
    await expect.poll(() => balancer.inFlight).toBe(0)
  },
  CASE_MS,
)

it(
  'a balancer whose handle was read while it was small grows to 10,000 services, and says where it ends',
  async () => {
    const balancer = own(servicesOf(0, 1))
    const other = Balancer.attach(balancer.handle)
    onTestFinished(() => other.stop({ drainMs: 0 }))
    await balancer.update(servicesOf(0, COUNT))
    expect(urlOf(other, `s${COUNT - 1}`)).toBe(`http://s${COUNT - 1}.test`)
    const tooMany = servicesOf(0, COUNT + SERVICE_SEGMENT_RECORDS)
    await expect(balancer.update(tooMany)).rejects.toMatchObject({
      code: 'FAIRLEAD_CONFIG',
      message: expect.stringMatching(/more services than a balancer has room for once its handle was read/),
    })
    expect(other.serviceNames).toHaveLength(COUNT)
  },
  CASE_MS,
)
