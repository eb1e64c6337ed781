import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { Topology, type TopologyHandle } from '../../lib/index.js'

const open: Topology[] = []
const workers: Worker[] = []
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
  for (const topology of open.splice(0)) topology.close()
})

const SIZE = 10
const STOP = 0
const WRITES = 1

function made(groups: number): Topology {
  const topology = new Topology()
  open.push(topology)
  const nodes = Array.from({ length: groups }, (_, g) =>
    Array.from({ length: SIZE }, (_unused, i) => ({ id: `g${g}-${i}`, zone: `g${g}`, metadata: { n: 0 } })),
  ).flat()
  topology.update({ nodes: [...nodes, { id: 'sum', metadata: { sums: Array(groups).fill(0) } }] })
  return topology
}

function start(handle: TopologyHandle, gate: Int32Array, job: string, more: object = {}): Worker {
  const worker = new Worker(new URL('./topology.worker.mjs', import.meta.url), {
    workerData: { handle, gate, job, size: SIZE, updates: 500, withSum: false, ...more },
    execArgv: [],
  })
  workers.push(worker)
  return worker
}

const answer = async <Answer>(worker: Worker): Promise<Answer> => (await once(worker, 'message'))[0] as Answer

const newGate = () => new Int32Array(new SharedArrayBuffer(8))

test('four threads that read while one writes see no torn snapshot, and none that goes back', async () => {
  const topology = made(1)
  const gate = newGate()
  const readers = [0, 1, 2, 3].map(() => start(topology.handle, gate, 'read', { groups: 1 }))
  const answers = readers.map((reader) => answer<{ fault?: string; steps: number; revision: number }>(reader))
  const { n } = await answer<{ n: number }>(
    start(topology.handle, gate, 'write', { group: 0, withSum: true }),
  )
  Atomics.store(gate, STOP, 1)
  for (const { fault, steps, revision } of await Promise.all(answers)) {
    expect(fault).toBeUndefined()
    expect(steps).toBeGreaterThan(1)
    // What was published last is what each has in the end.
    expect(revision).toBe(n + 1)
  }
  expect(n).toBe(500)
  expect(topology.snapshot.node('g0-3')?.metadata.n).toBe(n)
})

test('of three that write at once each update is in force, whole', async () => {
  const topology = made(3)
  const gate = newGate()
  const writers = [0, 1, 2].map((group) => start(topology.handle, gate, 'write', { group }))
  const counts = await Promise.all(writers.map((writer) => answer<{ n: number }>(writer)))
  const { snapshot } = topology
  counts.forEach(({ n }, group) => {
    const numbers = new Set(snapshot.inZone(`g${group}`).map((node) => node.metadata.n))
    expect([...numbers]).toEqual([n])
  })
  expect(snapshot.revision).toBe(1 + counts.reduce((sum, { n }) => sum + n, 0))
})

test('a thread that is killed while it writes leaves the others at work, and no update by half', async () => {
  const topology = made(4)
  const gate = newGate()
  const survivor = start(topology.handle, gate, 'write', { group: 3, updates: Number.POSITIVE_INFINITY })
  const survived = answer<{ n: number }>(survivor)
  for (let round = 0; round < 12; round++) {
    const victim = start(topology.handle, gate, 'write', {
      group: round % 3,
      updates: Number.POSITIVE_INFINITY,
    })
    await once(victim, 'online')
    const before = Atomics.load(gate, WRITES)
    while (Atomics.load(gate, WRITES) < before + 20) await new Promise((resolve) => setTimeout(resolve, 5))
    await victim.terminate()
    const writes = Atomics.load(gate, WRITES)
    while (Atomics.load(gate, WRITES) < writes + 5) await new Promise((resolve) => setTimeout(resolve, 5))
    const { snapshot } = topology
    for (let group = 0; group < 4; group++)
      expect(new Set(snapshot.inZone(`g${group}`).map((node) => node.metadata.n)).size).toBe(1)
    topology.update({ nodes: [{ id: `round-${round}` }] })
  }
  Atomics.store(gate, STOP, 1)
  await survived
  expect(topology.snapshot.node('round-11')).toBeDefined()
  const late = Topology.attach(topology.handle)
  open.push(late)
  expect(late.snapshot.revision).toBe(topology.snapshot.revision)
})
