/** The connections of a service that left: they are ended once, and then nobody holds on to them. */
import { expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/clients/balancer.js'
import type { ServiceTransports } from '../../lib/clients/transports.js'
import { Transports } from '../../lib/clients/transports.js'
import type { ResolvedClient } from '../../lib/connections/options.js'
import { startEndpoints } from '../support/http-servers.js'
import { until } from '../support/until.js'

/** A balancer that writes down what becomes of its services' connections. */
function watched(services: Record<string, { endpoints: string[] }>) {
  const log: string[] = []
  const open = (service: string, client: ResolvedClient): ServiceTransports => {
    const transports = new Transports(service, client)
    const [close, destroy] = [transports.close.bind(transports), transports.destroy.bind(transports)]
    transports.close = async () => {
      log.push(`${service} closes`)
      await close()
      log.push(`${service} closed`)
    }
    transports.destroy = async () => {
      log.push(`${service} destroyed`)
      await destroy()
    }
    return transports
  }
  const balancer = new Balancer({ services, seed: 1 }, undefined, open)
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return { balancer, log }
}

it('a service that left and whose requests have ended is not ended again when the balancer stops', async () => {
  const [one, other] = await startEndpoints(2)
  const rest = { stays: { endpoints: [other.url] } }
  const { balancer, log } = watched({ leaves: { endpoints: [one.url] }, ...rest })
  for (const service of ['leaves', 'stays']) await (await balancer.fetch(`http://${service}/`)).text()
  await balancer.update({ services: rest, seed: 1 })
  await until(() => log.includes('leaves closed'))
  await balancer.stop({ drainMs: 0 })
  expect(log).toEqual(['leaves closes', 'leaves closed', 'stays destroyed'])
})

it('a service that left with a request in flight is cut off when the balancer stops', async () => {
  const [one, other] = await startEndpoints(2)
  const rest = { stays: { endpoints: [other.url] } }
  const { balancer, log } = watched({ leaves: { endpoints: [one.url] }, ...rest })
  one.handle = () => {}
  const failed = expect(balancer.fetch('http://leaves/')).rejects.toThrow()
  await until(() => one.requests === 1)
  await balancer.update({ services: rest, seed: 1 })
  expect(log).toEqual(['leaves closes'])
  await balancer.stop({ drainMs: 0 })
  await failed
  expect(log).toContain('leaves destroyed')
})

it('a service that leaves before it had a request has none to end', async () => {
  const [one, other] = await startEndpoints(2)
  const rest = { stays: { endpoints: [other.url] } }
  const { balancer, log } = watched({ leaves: { endpoints: [one.url] }, ...rest })
  await balancer.start()
  await balancer.update({ services: rest, seed: 1 })
  expect(await (await balancer.fetch('http://stays/')).text()).toBe('b')
  await expect(balancer.fetch('http://leaves/')).rejects.toThrow()
  await balancer.stop({ drainMs: 0 })
  expect(log).toEqual(['stays destroyed'])
})
