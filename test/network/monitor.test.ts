import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HEADER } from '../../lib/engine/layout.js'
import { ConfigError } from '../../lib/errors.js'
import type { TopologyMeasurement } from '../../lib/model/index.js'
import { Lead } from '../../lib/network/lead.js'
import { MONITOR_LEAD } from '../../lib/network/memory.js'
import { type MonitorParts, parseMonitorOptions, TopologyMonitor } from '../../lib/network/monitor.js'
import { Topology } from '../../lib/network/topology.js'
import { ManualTimers } from '../support/manual-timers.js'

let topology: Topology
let timers: ManualTimers
let monitors: TopologyMonitor[]
/** Round trip by port; undefined: no answer until the time is over. */
let network: Map<number, number | undefined>
let asked: number[]
let published: TopologyMeasurement[][]

const node = (port: number, region: string, more: object = {}) => ({
  id: String(port),
  region,
  services: { users: `http://10.0.0.1:${port}` },
  ...more,
})

beforeEach(() => {
  topology = new Topology()
  timers = new ManualTimers()
  monitors = []
  asked = []
  published = []
  network = new Map([
    [1, 1],
    [2, 80],
    [3, 80],
    [4, 80],
    [5, 80],
  ])
  topology.update({ nodes: [node(1, 'eu'), node(2, 'us'), node(3, 'us'), node(4, 'us'), node(5, 'us')] })
})

afterEach(() => {
  for (const monitor of monitors) monitor.stop()
  topology.close()
})

const root = () => new Int32Array(topology.handle.root)

function start(options: object = {}, more: Partial<MonitorParts> = {}): TopologyMonitor {
  const monitor = new TopologyMonitor(parseMonitorOptions({ region: 'eu', ...options }), {
    timers,
    lead: new Lead(root(), MONITOR_LEAD, timers),
    snapshot: () => topology.snapshot,
    publish: (measurements) => {
      published.push([...measurements])
      topology.update({ measurements: [...measurements] })
    },
    probe: async ({ port }, timeoutMs) => {
      asked.push(port)
      const latencyMs = network.get(port)
      if (latencyMs === undefined) await new Promise<void>((resolve) => timers.after(timeoutMs, resolve))
      return { latencyMs }
    },
    fetchBandwidth: async () => undefined,
    ...more,
  })
  monitors.push(monitor)
  return monitor
}

/** One round: ten seconds, a tenth more or less by chance, which stands in the middle. */
const ROUND_MS = 10_000

const measured = () => topology.snapshot.measured('eu', 'us')

test('each round asks some nodes of each region, the next one others', async () => {
  start()
  await timers.advance(0)
  expect(asked.sort()).toEqual([1, 2, 3, 4])
  asked.length = 0
  await timers.advance(ROUND_MS)
  expect(asked).toHaveLength(4)
  expect(asked).toContain(5)
  expect(measured()).toEqual({ from: 'eu', to: 'us', latencyMs: 80, loss: 0, isCut: false })
  expect(topology.snapshot.measured('eu', 'eu')?.latencyMs).toBe(1)
})

test('nodes that are down, or serve nothing, are not asked', async () => {
  topology.update({
    nodes: [node(2, 'us', { state: 'down' }), { id: '3', region: 'us' }, { id: 'x', region: 'ap' }],
  })
  start({ probes: 10 })
  await timers.advance(0)
  expect(asked.sort()).toEqual([1, 4, 5])
  expect(topology.snapshot.measured('eu', 'ap')).toBeUndefined()
})

test('a round trip is smoothed, by an eighth for each probe', async () => {
  start({ probes: 1 })
  await timers.advance(0)
  network = new Map([1, 2, 3, 4, 5].map((port) => [port, 160]))
  await timers.advance(ROUND_MS)
  expect(measured()?.latencyMs).toBe(90)
})

test('what differs by little is not told to all threads', async () => {
  start({ probes: 1 })
  await timers.advance(0)
  expect(published).toHaveLength(1)
  network = new Map([1, 2, 3, 4, 5].map((port) => [port, port === 1 ? 1.05 : 81]))
  await timers.advance(5 * ROUND_MS)
  expect(published).toHaveLength(1)
})

test('loss is the share of the last probes that nobody answered', async () => {
  start({ probes: 4, samples: 8 })
  await timers.advance(0)
  network.set(2, undefined)
  await timers.advance(ROUND_MS + 2_000)
  expect(measured()?.loss).toBe(1 / 8)
  network.set(2, 80)
  await timers.advance(3 * ROUND_MS)
  expect(measured()?.loss).toBe(0)
})

test('a region that answers nobody for three rounds is cut off, and heals with the first answer', async () => {
  const told: string[] = []
  topology.on('partition', ({ type, from, to }) => told.push(`${type} ${from} ${to}`))
  topology.update({ links: [{ from: 'eu', to: 'us', latencyMs: 80 }] })
  start({ probes: 2 })
  await timers.advance(0)
  expect(topology.snapshot.path('eu', 'us')).toBeDefined()
  for (const port of [2, 3, 4, 5]) network.set(port, undefined)
  await timers.advance(2 * (ROUND_MS + 2_000))
  expect(told).toEqual([])
  await timers.advance(ROUND_MS + 2_000)
  expect(told).toEqual(['cut eu us'])
  expect(topology.snapshot.path('eu', 'us')).toBeUndefined()
  for (const port of [2, 3, 4, 5]) network.set(port, 80)
  await timers.advance(ROUND_MS + 2_000)
  expect(told).toEqual(['cut eu us', 'healed eu us'])
  expect(topology.snapshot.path('eu', 'us')).toBeDefined()
})

test('a thread that was held up while it waited says nothing of the network', async () => {
  let held = 0
  start(
    { probes: 1, cutAfter: 1 },
    {
      probe: async (_target, timeoutMs) => {
        await new Promise<void>((resolve) => timers.after(timeoutMs + held, resolve))
        return { latencyMs: undefined }
      },
    },
  )
  held = 5_000
  await timers.advance(7_000)
  expect(measured()).toBeUndefined()
  held = 0
  await timers.advance(ROUND_MS + 2_000)
  expect(measured()).toMatchObject({ loss: 1, isCut: true })
})

describe('of several that would measure', () => {
  test('one does; where it stops the next one goes on', async () => {
    const first = start()
    await timers.advance(0)
    expect(first.leads).toBe(true)
    expect(asked).toHaveLength(4)
    first.stop()
    expect(first.leads).toBe(false)
    const next = start()
    await timers.advance(0)
    expect(next.leads).toBe(true)
    expect(asked).toHaveLength(8)
  })

  test('a leader that is lost for three rounds is replaced, and publishes nothing when it comes back', async () => {
    // A thread that nobody knows to have ended.
    root()[HEADER.LEADER] = 1_000_000
    new Float64Array(root().buffer, HEADER.LEADER_BEAT * 4, 1)[0] = timers.now()
    const monitor = start()
    await timers.advance(2 * ROUND_MS)
    expect(monitor.leads).toBe(false)
    await timers.advance(3 * ROUND_MS)
    expect(monitor.leads).toBe(true)
    const before = published.length
    network.set(1, 50)
    asked.length = 0
    await timers.advance(ROUND_MS / 2)
    root()[HEADER.LEADER] = 1_000_000
    new Float64Array(root().buffer, HEADER.LEADER_BEAT * 4, 1)[0] = timers.now()
    await timers.advance(2 * ROUND_MS)
    expect(published).toHaveLength(before)
  })

  test('the next one goes by what is known: a region that is cut off stays so until it answers', async () => {
    const told: string[] = []
    topology.on('partition', ({ type }) => told.push(type))
    for (const port of [2, 3, 4, 5]) network.set(port, undefined)
    const first = start({ cutAfter: 2 })
    await timers.advance(2 * (ROUND_MS + 2_000))
    expect(told).toEqual(['cut'])
    first.stop()
    const next = start({ cutAfter: 2 })
    await timers.advance(4 * (ROUND_MS + 2_000))
    expect(told).toEqual(['cut'])
    // Somebody else has the lead for a while, and finds it healed.
    root()[HEADER.LEADER] = 1_000_000
    new Float64Array(root().buffer, HEADER.LEADER_BEAT * 4, 1)[0] = timers.now()
    topology.update({ measurements: [{ from: 'eu', to: 'us', latencyMs: 80 }] })
    await timers.advance(10 * (ROUND_MS + 2_000))
    expect(next.leads).toBe(true)
    expect(told).toEqual(['cut', 'healed', 'cut'])
  })

  test('a leader may be silent for as long as a round takes: two time-outs', async () => {
    let lostAfterMs = 0
    const lead = {
      holds: true,
      take(ms: number) {
        lostAfterMs = ms
        return true
      },
      resign() {},
    } as unknown as Lead
    start({ interval: 300, timeout: 2_000 }, { lead })
    await timers.advance(0)
    expect(lostAfterMs).toBeGreaterThan(300 + 2 * 2_000)
  })

  test('one that is replaced while it waits for answers publishes nothing', async () => {
    network.set(2, undefined)
    start()
    await timers.advance(1_000)
    root()[HEADER.LEADER] = 1_000_000
    await timers.advance(1_500)
    expect(published).toEqual([])
  })
})

test('bandwidth is measured where asked to, once in its interval', async () => {
  const fetched: string[] = []
  start(
    { bandwidth: { path: '/1m' } },
    {
      fetchBandwidth: async (url) => {
        fetched.push(url)
        return 940
      },
    },
  )
  await timers.advance(0)
  expect(fetched.sort()).toEqual(['http://10.0.0.1:1/1m', 'http://10.0.0.1:2/1m'])
  expect(measured()?.bandwidthMbps).toBe(940)
  await timers.advance(5 * ROUND_MS)
  expect(fetched).toHaveLength(2)
  await timers.advance(2 * ROUND_MS)
  expect(fetched).toHaveLength(4)
})

test('after its end no timer is left', async () => {
  const monitor = start()
  await timers.advance(1_000)
  monitor.stop()
  expect(timers.pending).toBe(0)
  expect(root()[HEADER.LEADER]).toBe(0)
})

test('options that are none are refused with their paths', () => {
  expect(() => parseMonitorOptions({ interval: 1, regoin: 'eu' })).toThrow(ConfigError)
  expect(() => parseMonitorOptions({ interval: 1, regoin: 'eu' })).toThrow(
    /interval[\s\S]*did you mean `region`/,
  )
})
