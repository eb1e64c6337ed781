import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  ConfigError,
  defineSource,
  type SourceSink,
  Topology,
  type TopologyFollowing,
} from '../../lib/index.js'
import { until } from '../support/until.js'

let folder: string
const topologies: Topology[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-follow-'))
})

afterEach(() => {
  for (const topology of topologies.splice(0)) topology.close()
  rmSync(folder, { recursive: true, force: true })
})

function make(options?: object): Topology {
  const topology = new Topology(options)
  topologies.push(topology)
  return topology
}

/** A source that says what it is told to say. */
function told(name: string): { source: { name: ReturnType<typeof defineSource> }; sink: () => SourceSink } {
  let sink: SourceSink | undefined
  const defined = defineSource(name, {
    start: (_, given) => {
      sink = given
    },
  })
  return { source: { name: defined }, sink: () => sink as SourceSink }
}

const one = (id: string, more: object = {}) => ({ id, url: `http://10.0.0.1:${id.charCodeAt(0)}`, ...more })

const ids = (topology: Topology, service: string) =>
  topology.snapshot
    .ofService(service)
    .map(({ id }) => id)
    .sort()

test('each endpoint is a node that serves the service; one that serves nothing any more leaves', async () => {
  const topology = make()
  const users = told('users-told')
  const orders = told('orders-told')
  topology.update({ nodes: [{ id: 'by-hand', region: 'eu' }] })
  const following = topology.follow({ users: users.source, orders: orders.source })
  expect(following.leads).toBe(true)
  users
    .sink()
    .found([
      one('a', { region: 'eu', zone: '1', weight: 2, metadata: { dataCenter: 'x', capabilities: ['gpu'] } }),
      one('b', { metadata: { capabilities: 'not a list', dataCenter: 7 } }),
    ])
  orders.sink().found([one('a'), one('c')])
  await following.ready()
  expect(topology.snapshot.node('a')).toMatchObject({
    region: '',
    services: { users: 'http://10.0.0.1:97', orders: 'http://10.0.0.1:97' },
  })
  expect(topology.snapshot.node('b')).toMatchObject({ capabilities: [], dataCenter: '' })
  expect([ids(topology, 'users'), ids(topology, 'orders')]).toEqual([
    ['a', 'b'],
    ['a', 'c'],
  ])
  topology.setState('c', 'drain')
  users.sink().found([one('a', { weight: 3 })])
  orders.sink().found([one('c', { zone: '2' })])
  expect(topology.snapshot.node('a')).toMatchObject({ weight: 3, services: { users: 'http://10.0.0.1:97' } })
  expect(Object.keys(topology.snapshot.node('a')?.services ?? {})).toEqual(['users'])
  expect(topology.snapshot.node('b')).toBeUndefined()
  expect(topology.snapshot.node('c')).toMatchObject({ state: 'drain', zone: '2' })
  expect(topology.snapshot.node('by-hand')).toBeDefined()
  expect(following.sources.users[0]).toMatchObject({ source: 'users-told', endpoints: 1, error: undefined })
})

test('an error empties nothing, and is told; nor does an answer without endpoints', () => {
  const topology = make({ maxNodes: 3 })
  const users = told('failing')
  const events: string[] = []
  topology.on('source', ({ type, service }) => events.push(`${service} ${type}`))
  const following = topology.follow({ users: users.source })
  users.sink().found([one('a'), one('b')])
  users.sink().failed(new Error('it is away'))
  expect(following.sources.users[0]).toMatchObject({ endpoints: 2, error: 'it is away' })
  users.sink().found([])
  expect(ids(topology, 'users')).toEqual(['a', 'b'])
  // More than it may have.
  users.sink().found([one('a'), one('b'), one('c'), one('d')])
  expect(following.sources.users[0]).toMatchObject({
    endpoints: 2,
    error: expect.stringMatching(/maxNodes is 3/),
  })
  expect(ids(topology, 'users')).toEqual(['a', 'b'])
  users.sink().found([one('a'), one('b'), one('c')])
  expect(ids(topology, 'users')).toEqual(['a', 'b', 'c'])
  expect(events).toEqual([
    'users found',
    'users failed',
    'users recovered',
    'users held',
    'users failed',
    'users recovered',
    'users found',
  ])
})

test('of two sources that know a node the first counts; nobody leaves before both have answered', () => {
  const topology = make()
  const first = told('first')
  const second = told('second')
  topology.update({ nodes: [{ id: 'z', services: { users: 'http://10.0.0.9:1' } }] })
  topology.follow({ users: [first.source, second.source] })
  second.sink().found([one('a', { weight: 5 }), one('b')])
  expect(ids(topology, 'users')).toEqual(['a', 'b', 'z'])
  first.sink().found([one('a', { weight: 7 })])
  expect(ids(topology, 'users')).toEqual(['a', 'b'])
  expect(topology.snapshot.node('a')?.weight).toBe(7)
})

test('follows a real file, from one thread of two that would; where that one stops the other goes on', async () => {
  const path = join(folder, 'users.json')
  const write = (list: object[]) => {
    writeFileSync(`${path}.new`, JSON.stringify(list))
    renameSync(`${path}.new`, path)
  }
  write([one('a')])
  const topology = make()
  const other = Topology.attach(topology.handle)
  topologies.push(other)
  const following: TopologyFollowing = topology.follow({ users: { file: { path } } })
  await following.ready()
  expect(ids(other, 'users')).toEqual(['a'])
  expect(() => topology.follow({ users: { file: { path } } })).toThrow(
    /follows sources in this thread already/,
  )
  following.stop()
  write([one('a'), one('b')])
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(ids(topology, 'users')).toEqual(['a'])
  other.follow({ users: { file: { path } } })
  await until(() => ids(topology, 'users').length === 2)
})

test('what is no source is refused with its path', () => {
  const topology = make()
  expect(() => topology.follow({ users: { file: {} } } as never)).toThrow(/users\.file\.path/)
  expect(() => topology.follow({})).toThrow(ConfigError)
  expect(() => topology.follow({ Users: { file: { path: 'x' } } })).toThrow(/users/)
})
