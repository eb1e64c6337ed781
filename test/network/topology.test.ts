import { afterEach, expect, test, vi } from 'vitest'
import { ConfigError, HandleError } from '../../lib/errors.js'
import type { LinkEvent, NodeEvent, PartitionEvent } from '../../lib/network/topology.js'
import { Topology } from '../../lib/network/topology.js'

const open: Topology[] = []
afterEach(() => {
  for (const topology of open.splice(0)) topology.close()
})

const make = (options?: ConstructorParameters<typeof Topology>[0]): Topology => {
  const topology = new Topology(options)
  open.push(topology)
  return topology
}

const attached = (topology: Topology): Topology => {
  const other = Topology.attach(structuredClone(topology.handle))
  open.push(other)
  return other
}

const at = (region: string, more: object = {}) => ({ id: region, region, ...more })

/** Every fault, by path. */
function faultsOf(change: () => unknown): Record<string, string> {
  try {
    change()
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]))
    throw error
  }
  return {}
}

test('nodes are found by what they are', () => {
  const topology = make()
  expect(topology.snapshot.size).toBe(0)
  const revision = topology.update({
    nodes: [
      at('eu', {
        zone: '1',
        dataCenter: 'x',
        capabilities: ['gpu'],
        services: { users: 'http://10.0.0.1:8080/' },
      }),
      at('us', { state: 'drain', weight: 3, latencyMs: 2, bandwidthMbps: 100, metadata: { rack: 7 } }),
    ],
  })
  const { snapshot } = topology
  expect(snapshot.revision).toBe(revision)
  expect(snapshot.node('eu')).toEqual({
    id: 'eu',
    region: 'eu',
    zone: '1',
    dataCenter: 'x',
    capabilities: ['gpu'],
    services: { users: 'http://10.0.0.1:8080' },
    weight: 1,
    state: 'up',
    metadata: {},
  })
  const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id)
  expect(ids(snapshot.inRegion('us'))).toEqual(['us'])
  expect(ids(snapshot.inZone('1'))).toEqual(['eu'])
  expect(ids(snapshot.inDataCenter('x'))).toEqual(['eu'])
  expect(ids(snapshot.withCapability('gpu'))).toEqual(['eu'])
  expect(ids(snapshot.ofService('users'))).toEqual(['eu'])
  expect(ids(snapshot.inState('drain'))).toEqual(['us'])
  expect(snapshot.regions().sort()).toEqual(['eu', 'us'])
  expect(snapshot.services()).toEqual(['users'])
  expect(ids(snapshot.inRegion('nowhere'))).toEqual([])
  expect(snapshot.node('nobody')).toBeUndefined()
})

test('a snapshot never changes, and cannot be changed', () => {
  const topology = make()
  topology.update({
    nodes: [at('eu', { metadata: { list: [1] } }), at('us')],
    links: [{ from: 'eu', to: 'us', latencyMs: 80 }],
  })
  const before = topology.snapshot
  const users = before.inRegion('eu')
  topology.update({
    nodes: [at('eu', { weight: 2 })],
    remove: { nodes: ['us'], links: [{ from: 'us', to: 'eu' }] },
  })
  expect(before.node('eu')?.weight).toBe(1)
  expect(before.size).toBe(2)
  expect(before.link('us', 'eu')?.latencyMs).toBe(80)
  expect(users).toHaveLength(1)
  expect(topology.snapshot.node('eu')?.weight).toBe(2)
  expect(topology.snapshot.size).toBe(1)
  expect(topology.snapshot.link('us', 'eu')).toBeUndefined()
  expect(() => {
    ;(users as { length: number }).length = 0
  }).toThrow(TypeError)
  expect(() => {
    ;(before.node('eu')?.metadata.list as number[] | undefined)?.push(2)
  }).toThrow(TypeError)
  const other = attached(topology)
  expect(() => {
    ;(other.snapshot.node('eu') as { weight: number }).weight = 9
  }).toThrow(TypeError)
})

test('what is wrong is said with its path, all of it at once, and nothing changes', () => {
  const topology = make({ maxNodes: 3 })
  topology.update({ nodes: [at('eu')] })
  const before = topology.snapshot
  expect(
    faultsOf(() =>
      topology.update({
        nodes: [
          at('us', { state: 'broken' }),
          { region: 'us' },
          at('ap', { services: { users: 'ftp://x', 'Not-A-Name': 'http://a' } }),
          at('eu', { wieght: 2 }),
          7,
        ],
        links: [
          { from: 'eu', to: 'eu', latencyMs: 1 },
          { from: 'eu', to: 'us' },
        ],
        remove: { nodes: [1], link: [] },
        nods: [],
      } as never),
    ),
  ).toEqual({
    nods: expect.stringMatching(/did you mean `nodes`/),
    'remove.link': expect.stringMatching(/did you mean `links`/),
    'remove.nodes[0]': expect.stringMatching(/must be the id of a node/),
    'nodes[0].state': expect.stringMatching(/must be/),
    'nodes[1].id': expect.stringMatching(/is missing/),
    'nodes[2].services.users': expect.stringMatching(/ftp/),
    'nodes[2].services.Not-A-Name': expect.any(String),
    'nodes[3].wieght': expect.stringMatching(/`weight`/),
    'nodes[4]': expect.stringMatching(/must be an object/),
    'links[0].to': expect.stringMatching(/a link joins two regions/),
    'links[1].latencyMs': expect.stringMatching(/is missing/),
  })
  expect(faultsOf(() => topology.update({ nodes: [at('us'), at('us')] }))).toEqual({
    'nodes[1]': 'is the same as nodes[0]: us; name each once',
  })
  expect(faultsOf(() => topology.update({ links: [{ from: 'eu', to: 'mars', latencyMs: 1 }] }))).toEqual({
    'links[0].to': 'is "mars", a region that no node is in',
  })
  expect(
    faultsOf(() =>
      topology.update({
        nodes: [at('us')],
        links: [
          { from: 'eu', to: 'us', latencyMs: 1 },
          { from: 'us', to: 'eu', latencyMs: 2 },
        ],
      }),
    ),
  ).toEqual({ 'links[1]': expect.stringMatching(/is the same as links\[0\]/) })
  expect(faultsOf(() => topology.update({ nodes: [at('a'), at('b'), at('c')] }))).toEqual({
    nodes: 'would be 4; maxNodes is 3',
  })
  expect(faultsOf(() => topology.update([] as never))).toEqual({
    '': expect.stringMatching(/must be an object/),
  })
  expect(
    faultsOf(() =>
      topology.update({ nodes: [at('us', { capabilities: Array.from({ length: 65 }, String) })] }),
    ),
  ).toEqual({ 'nodes[0].capabilities': 'has 65 entries; 64 are allowed' })
  expect(topology.snapshot).toBe(before)
  // One out, one in: there is room.
  topology.update({ nodes: [at('a'), at('b')] })
  topology.update({ nodes: [at('c')], remove: { nodes: ['a'] } })
  expect(topology.snapshot.size).toBe(3)
})

test('a name or a bound that is none is refused', () => {
  expect(() => new Topology({ name: 'Not this' })).toThrow(/the name of a topology/)
  expect(() => new Topology({ maxNodes: 0 })).toThrow(/maxNodes is 0/)
  expect(() => new Topology(7 as never)).toThrow(/a Topology takes an object/)
})

const TRIANGLE = {
  nodes: [at('eu'), at('us'), at('ap'), { id: 'ship', region: 'us' }],
  links: [
    { from: 'eu', to: 'us', latencyMs: 80, bandwidthMbps: 1_000, reliability: 0.5 },
    { from: 'us', to: 'ap', latencyMs: 100, bridges: ['ship', 'plane'] },
    { from: 'eu', to: 'ap', latencyMs: 300, bandwidthMbps: 100 },
  ],
}

test('the best path counts round trips by how much of them is lost', () => {
  const topology = make()
  topology.update(TRIANGLE)
  const { snapshot } = topology
  // 80 / 0.5 + 100 is less than 300.
  expect(snapshot.path('eu', 'ap')).toEqual({
    regions: ['eu', 'us', 'ap'],
    links: [snapshot.link('eu', 'us'), snapshot.link('us', 'ap')],
    latencyMs: 180,
    bandwidthMbps: 1_000,
    reliability: 0.5,
  })
  expect(snapshot.path('eu', 'eu')).toMatchObject({ regions: ['eu'], latencyMs: 0 })
  expect(snapshot.path('eu', 'mars')).toBeUndefined()
  expect([...snapshot.ranks('eu')]).toEqual([
    ['eu', 0],
    ['us', 1],
    ['ap', 2],
  ])
})

test('a link is cut while none of its bridges is up', () => {
  const topology = make()
  topology.update(TRIANGLE)
  const carried = () => topology.snapshot.path('eu', 'ap')?.regions.length
  expect(carried()).toBe(3)
  topology.setState('ship', 'down')
  expect(carried()).toBe(2)
  topology.update({ nodes: [{ id: 'plane', region: 'ap' }] })
  expect(carried()).toBe(3)
  topology.update({ remove: { nodes: ['plane'] } })
  expect(carried()).toBe(2)
  topology.setState('ship', 'drain')
  expect(carried()).toBe(3)
  expect(topology.setState('nobody', 'up')).toBe(false)
})

test('what was measured counts instead of what was said, and a link that is cut is not used', () => {
  const topology = make()
  topology.update(TRIANGLE)
  const told: PartitionEvent[] = []
  attached(topology).on('partition', (event) => told.push(event))
  const measured = { from: 'us', to: 'eu', latencyMs: 500, loss: 0, bandwidthMbps: undefined, isCut: false }
  topology.update({ measurements: [measured] })
  expect(topology.snapshot.path('eu', 'ap')).toMatchObject({ regions: ['eu', 'ap'], latencyMs: 300 })
  expect(topology.snapshot.path('eu', 'us')).toMatchObject({ regions: ['eu', 'ap', 'us'], latencyMs: 400 })
  topology.update({ measurements: [{ ...measured, from: 'eu', to: 'ap', isCut: true }] })
  expect(topology.snapshot.path('eu', 'us')).toMatchObject({ regions: ['eu', 'us'], latencyMs: 500 })
  expect(topology.snapshot.measured('eu', 'ap')?.isCut).toBe(true)
  expect(topology.snapshot.measured('ap', 'eu')).toBeUndefined()
})

test('events tell what happened, in each that shares it', async () => {
  const topology = make()
  const other = attached(topology)
  const nodes: [NodeEvent['type'], string][] = []
  const links: [LinkEvent['type'], string][] = []
  const partitions: PartitionEvent[] = []
  other.on('node', ({ type, node }) => nodes.push([type, node.id]))
  other.on('link', ({ type, link }) => links.push([type, link.to]))
  other.on('partition', (event) => partitions.push(event))
  const step = async (change: () => unknown) => {
    const seen = new Promise((resolve) => {
      other.once('change', resolve)
    })
    change()
    await seen
  }
  await step(() =>
    topology.update({ nodes: [at('eu'), at('us')], links: [{ from: 'eu', to: 'us', latencyMs: 1 }] }),
  )
  await step(() => topology.setState('us', 'down'))
  await step(() => topology.update({ nodes: [at('us', { state: 'down', weight: 2 })] }))
  await step(() =>
    topology.update({
      measurements: [
        { from: 'eu', to: 'us', latencyMs: undefined, loss: 1, bandwidthMbps: undefined, isCut: true },
      ],
    }),
  )
  await step(() =>
    topology.update({
      measurements: [{ from: 'eu', to: 'us', latencyMs: 1, loss: 0, bandwidthMbps: undefined, isCut: false }],
    }),
  )
  await step(() => topology.update({ remove: { nodes: ['us'], links: [{ from: 'eu', to: 'us' }] } }))
  expect(nodes).toEqual([
    ['added', 'eu'],
    ['added', 'us'],
    ['down', 'us'],
    ['changed', 'us'],
    ['removed', 'us'],
  ])
  expect(links).toEqual([
    ['added', 'us'],
    ['removed', 'us'],
  ])
  expect(partitions).toEqual([
    { type: 'cut', from: 'eu', to: 'us' },
    { type: 'healed', from: 'eu', to: 'us' },
  ])
})

test('replace touches what differs, and nothing else', () => {
  const topology = make()
  topology.update(TRIANGLE)
  const { snapshot } = topology
  const told = vi.fn()
  topology.on('node', told)
  topology.replace({
    nodes: [at('eu'), at('us', { weight: 2 }), at('ap')],
    links: TRIANGLE.links.slice(0, 2),
  })
  expect(told.mock.calls.map(([{ type, node }]) => [type, node.id]).sort()).toEqual([
    ['changed', 'us'],
    ['removed', 'ship'],
  ])
  expect(topology.snapshot.node('eu')).toBe(snapshot.node('eu'))
  expect([...topology.snapshot.links()]).toHaveLength(2)
  const revision = topology.replace({
    nodes: [at('eu'), at('us', { weight: 2 }), at('ap')],
    links: TRIANGLE.links.slice(0, 2),
  })
  expect(revision).toBe(topology.snapshot.revision)
  expect(revision).toBe(snapshot.revision + 1)
})

test('a page that is full begins anew, and nobody notices', () => {
  const topology = make()
  const other = attached(topology)
  const late = attached(topology)
  const filler = 'x'.repeat(2_000)
  const told: string[] = []
  late.on('node', ({ type, node }) => told.push(`${type} ${node.id}`))
  topology.update({ nodes: [at('eu'), at('us')], links: [{ from: 'eu', to: 'us', latencyMs: 1 }] })
  expect(late.snapshot.size).toBe(2)
  told.length = 0
  for (let i = 0; i < 500; i++) {
    const writer = i % 2 === 0 ? topology : other
    writer.update({ nodes: [at('eu', { metadata: { i, filler } })] })
  }
  topology.update({ remove: { nodes: ['us'] } })
  // It was 501 changes and several pages behind.
  expect(late.snapshot.node('eu')?.metadata.i).toBe(499)
  expect(late.snapshot.size).toBe(1)
  expect(late.snapshot.link('us', 'eu')?.latencyMs).toBe(1)
  expect(told).toEqual(['removed us', 'changed eu'].sort().reverse())
  expect(attached(topology).snapshot.node('eu')?.metadata.i).toBe(499)
})

test('what is no handle is refused, and says why', () => {
  const { handle } = make()
  for (const wrong of [
    undefined,
    {},
    { ...handle, version: 1 },
    { ...handle, root: new SharedArrayBuffer(4) },
    { ...handle, root: new SharedArrayBuffer(handle.root.byteLength) },
    { ...handle, pages: [] },
    { ...handle, name: 7 },
  ])
    expect(() => Topology.attach(wrong as never)).toThrow(HandleError)
})

test('memory that was damaged leaves a thread with what it has, until one that knows more tells it all again', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const topology = make()
  const other = attached(topology)
  topology.update({ nodes: [at('eu')] })
  expect(other.snapshot.size).toBe(1)
  topology.update({ nodes: [at('us')] })
  for (const page of topology.handle.pages) new Uint8Array(page).fill(0xff)
  expect(other.snapshot.size).toBe(1)
  expect(warn).toHaveBeenCalledOnce()
  await vi.waitFor(() => expect(other.snapshot.size).toBe(2))
  warn.mockRestore()
})

test('where a thread changes what it cannot read, its word counts for all', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const topology = make()
  const other = attached(topology)
  topology.update({ nodes: [at('eu')] })
  expect(other.snapshot.size).toBe(1)
  topology.update({ nodes: [at('us'), at('eu', { weight: 2 })] })
  for (const page of topology.handle.pages) new Uint8Array(page).fill(0xff)
  other.update({ nodes: [at('af')] })
  for (const { snapshot } of [topology, other, attached(topology)])
    expect([...snapshot.nodes()].map(({ id, weight }) => [id, weight]).sort()).toEqual([
      ['af', 1],
      ['eu', 1],
    ])
  topology.update({ nodes: [at('ap')] })
  expect(other.snapshot.size).toBe(3)
  warn.mockRestore()
})

test('one that was closed is not changed, and does nothing else either; its last update reaches the others', async () => {
  const topology = make()
  const other = attached(topology)
  const told = new Promise((resolve) => other.once('change', resolve))
  topology.update({ nodes: [at('eu')] })
  topology.close()
  await told
  other.update({ nodes: [at('us')] })
  expect(topology.snapshot.size).toBe(1)
  for (const change of [
    () => topology.update({ nodes: [at('ap')] }),
    () => topology.setState('eu', 'down'),
    () => topology.monitor({ region: 'eu' }),
    () => topology.follow({ users: { file: { path: '/none' } } }),
  ])
    expect(change).toThrow(/this topology was closed/)
})

test('more than threads can share is refused, and what is there can be taken out', () => {
  const topology = make()
  const big = (id: string) => at(id, { metadata: { text: 'x'.repeat(1_000_000) } })
  for (let i = 0; i < 30; i++) topology.update({ nodes: [big(`n${i}`)] })
  expect(() => topology.update({ nodes: [big('a'), big('b'), big('c')] })).toThrow(/threads can share \d+/)
  expect(topology.snapshot.size).toBe(30)
  for (let i = 0; i < 30; i++) topology.setState(`n${i}`, 'drain')
  topology.update({ remove: { nodes: ['n0', 'n1', 'n2'] } })
  topology.update({ nodes: [big('a'), big('b')] })
  expect(attached(topology).snapshot.size).toBe(29)
})

test('two of one name in a thread are one memory, or one of them is refused', () => {
  const topology = make()
  attached(topology)
  expect(() => new Topology()).toThrow(/another topology called "main"/)
  make({ name: 'other' })
})

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('a region may be called %s', (name) => {
  const topology = make()
  topology.update({
    nodes: [
      { id: 'a', region: 'eu' },
      { id: 'b', region: name },
      { id: 'c', region: 'ap' },
    ],
    links: [
      { from: 'eu', to: name, latencyMs: 1 },
      { from: name, to: 'ap', latencyMs: 2 },
    ],
  })
  expect(topology.snapshot.path('eu', 'ap')?.regions).toEqual(['eu', name, 'ap'])
  expect(topology.snapshot.path(name, 'eu')?.latencyMs).toBe(1)
})

test('a listener that changes something is told of it after what came before, as all others are', () => {
  const topology = make()
  const told: string[] = []
  topology.on('change', ({ size }) => {
    if (size === 1) topology.update({ nodes: [at('us')] })
  })
  topology.on('node', ({ type, node }) => told.push(`${type} ${node.id}`))
  topology.on('change', ({ size }) => told.push(`size ${size}`))
  topology.update({ nodes: [at('eu')] })
  expect(told).toEqual(['added eu', 'size 1', 'added us', 'size 2'])
})

test('links are counted once, and have to lead to where nodes are afterwards', () => {
  const topology = make()
  const names = Array.from({ length: 150 }, (_, i) => `r${i}`)
  const links = names
    .flatMap((from, i) => names.slice(i + 1).map((to) => ({ from, to, latencyMs: 1 })))
    .slice(0, 6_000)
  topology.update({ nodes: names.map((name) => at(name)), links })
  topology.update({ links: links.map((link) => ({ ...link, latencyMs: 2 })) })
  expect([...topology.snapshot.links()]).toHaveLength(6_000)
  expect(() => topology.replace({ nodes: [at('r0')], links: links.slice(0, 1) })).toThrow(
    /region that no node is in/,
  )
})

test('what was measured to a region goes with its last node', () => {
  const topology = make()
  topology.update({
    nodes: [at('eu'), at('us')],
    measurements: [{ from: 'eu', to: 'us', latencyMs: 1, isCut: true }],
  })
  const other = attached(topology)
  topology.update({ remove: { nodes: ['us'] } })
  for (const { snapshot } of [topology, other]) expect([...snapshot.measurements()]).toEqual([])
})

test('a node is in each thread what it is in the one that has written it', () => {
  const topology = make()
  const shared = { list: [1] }
  topology.update({
    nodes: [
      at('eu', {
        metadata: {
          a: Number.NaN,
          b: Number.POSITIVE_INFINITY,
          c: new Uint8Array([1]),
          d: shared,
          e: shared,
        },
      }),
    ],
  })
  expect(topology.snapshot.node('eu')).toEqual(attached(topology).snapshot.node('eu'))
  expect(faultsOf(() => topology.update({ nodes: [{ id: '\ud800' }] }))).toEqual({
    'nodes[0].id': expect.stringMatching(/surrogate/),
  })
  let deep: unknown = 1
  for (let i = 0; i < 30; i++) deep = [deep, deep]
  expect(faultsOf(() => topology.update({ nodes: [at('us', { metadata: { deep } })] }))).toEqual({
    'nodes[0].metadata': 'has more than 10000 values',
  })
})

test('paths and ranks that were handed out cannot be changed for others', () => {
  const topology = make()
  topology.update(TRIANGLE)
  const { snapshot } = topology
  const regions = snapshot.path('eu', 'eu')?.regions as string[] | undefined
  expect(() => regions?.push('x')).toThrow(TypeError)
  ;(snapshot.ranks('eu') as Map<string, number>).set('mars', 0)
  expect(snapshot.ranks('eu').has('mars')).toBe(false)
})
