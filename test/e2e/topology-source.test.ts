/** A balancer whose endpoints, regions and priorities come from a topology: real servers, real requests. */
import { afterEach, expect, it } from 'vitest'
import { Balancer, Topology, type TopologySource } from '../../lib/index.js'
import { TestEndpoint } from '../support/http-servers.js'
import { until } from '../support/until.js'

const servers: TestEndpoint[] = []
const balancers: Balancer[] = []
const topologies: Topology[] = []

afterEach(async () => {
  for (const balancer of balancers.splice(0)) await balancer.stop({ drainMs: 0 })
  for (const topology of topologies.splice(0)) topology.close()
  await Promise.all(servers.splice(0).map((server) => server.kill()))
})

async function serve(name: string): Promise<TestEndpoint> {
  const server = await new TestEndpoint(name, (_request, response) => response.end(name)).start()
  servers.push(server)
  return server
}

function newTopology(): Topology {
  const topology = new Topology()
  topologies.push(topology)
  return topology
}

async function balance(source: TopologySource): Promise<Balancer> {
  const balancer = new Balancer({ services: { users: { source } } })
  balancers.push(balancer)
  await balancer.start()
  return balancer
}

async function answers(balancer: Balancer, count = 12): Promise<string[]> {
  const texts: string[] = []
  for (let i = 0; i < count; i++) texts.push(await (await balancer.fetch('http://users/')).text())
  return [...new Set(texts)].sort()
}

const nodeOf = ({ name, url }: TestEndpoint, more: object = {}) => ({
  id: name,
  region: name.split('-')[0],
  services: { users: url },
  ...more,
})

it('a region that fails is left for the nearest one, as the links say, and taken again when it is back', async () => {
  const [eu1, eu2, us, ap] = await Promise.all(['eu-1', 'eu-2', 'us-1', 'ap-1'].map(serve))
  const topology = newTopology()
  topology.update({
    nodes: [eu1, eu2, us, ap].map((server) => nodeOf(server)),
    links: [
      { from: 'eu', to: 'us', latencyMs: 80 },
      { from: 'us', to: 'ap', latencyMs: 100 },
      { from: 'eu', to: 'ap', latencyMs: 120 },
    ],
  })
  const balancer = await balance(topology.source('users', { region: 'eu' }))
  expect(
    balancer
      .service('users')
      .endpoints.map(({ id, priority }) => [id, priority])
      .sort(),
  ).toEqual([
    ['ap-1', 2],
    ['eu-1', 0],
    ['eu-2', 0],
    ['us-1', 1],
  ])
  expect(await answers(balancer)).toEqual(['eu-1', 'eu-2'])
  // The link becomes slow: another region is the nearest now.
  topology.update({ links: [{ from: 'eu', to: 'us', latencyMs: 200 }] })
  await until(() =>
    balancer.service('users').endpoints.some(({ id, priority }) => id === 'us-1' && priority === 2),
  )
  await Promise.all([eu1.kill(), eu2.kill()])
  // No request fails meanwhile.
  await until(async () => (await answers(balancer, 6)).join() === 'ap-1')
  await Promise.all([eu1.start(), eu2.start()])
  await until(async () => (await answers(balancer, 6)).join() === 'eu-1,eu-2')
})

it('a node that drains, leaves or comes is another list of endpoints, in milliseconds', async () => {
  const [one, two, three] = await Promise.all(['eu-1', 'eu-2', 'eu-3'].map(serve))
  const topology = newTopology()
  topology.update({
    nodes: [nodeOf(one), nodeOf(two), nodeOf(three), { id: 'other', services: { orders: one.url } }],
  })
  const balancer = await balance(topology.source('users'))
  expect(await answers(balancer)).toEqual(['eu-1', 'eu-2', 'eu-3'])
  topology.setState('eu-1', 'drain')
  await until(() => balancer.service('users').endpoints.length === 2)
  expect(await answers(balancer)).toEqual(['eu-2', 'eu-3'])
  topology.setState('eu-1', 'up')
  topology.update({ remove: { nodes: ['eu-3'] } })
  await until(
    () =>
      balancer
        .service('users')
        .endpoints.map(({ id }) => id)
        .sort()
        .join() === 'eu-1,eu-2',
  )
  topology.update({ nodes: [nodeOf(two, { weight: 9 })] })
  await until(() => balancer.service('users').endpoints.some(({ weight }) => weight === 9))
})

it('a thread that has no such topology says so, and keeps what it knows', async () => {
  const topology = newTopology()
  const source = topology.source('users')
  expect(
    () => new Balancer({ services: { users: { source: { ...source, name: 'topology-other' as never } } } }),
  ).toThrow(/topology-main/)
})
