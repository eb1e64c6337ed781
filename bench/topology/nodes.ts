/** A topology of many nodes: updates in this thread, look-ups here and in others that read meanwhile. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Topology } from 'fairlead'
import type { Case, Sample } from '../harness/case.js'
import { HoldWatch } from './hold-watch.js'

export interface Parameters {
  readonly nodes: number
  readonly regions: number
  readonly threads: number
}

const READER = new URL('./nodes-reader.js', import.meta.url)
/** Updates one after the other, and a second's worth of them at a thousand a second. */
const UPDATES = 200
const PACE = { perSecond: 1_000, tickMs: 5 }
const LOOK_UPS = 20_000
const ROUND_TRIPS = 20

/** Of what readers and writer share: a word each thread, the newest revision that it has heard of. */
export type Seen = Int32Array<SharedArrayBuffer>

export async function prepare({ nodes, regions, threads }: Parameters): Promise<Case> {
  const topology = new Topology()
  const regionOf = (i: number) => `r${i % regions}`
  const nodeOf = (i: number, n: number) => ({
    id: `node-${i}`,
    region: regionOf(i),
    zone: `${regionOf(i)}-${i % 3}`,
    services: { users: `http://10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:8080` },
    metadata: { n },
  })
  topology.update({
    nodes: Array.from({ length: nodes }, (_, i) => nodeOf(i, 0)),
    links: linksOf(regions),
  })
  const seen: Seen = new Int32Array(new SharedArrayBuffer(4 * Math.max(1, threads)))
  const readers: Worker[] = []
  for (let index = 0; index < threads; index++) {
    const reader = new Worker(READER, { workerData: { handle: topology.handle, seen, index, nodes } })
    await once(reader, 'message')
    readers.push(reader)
  }
  const watch = new HoldWatch()
  let n = 0
  const change = () => {
    n++
    return topology.update({ nodes: [nodeOf((n * 7_919) % nodes, n)] })
  }
  const told = async (order: string): Promise<Sample[]> => {
    const answers = readers.map((reader) => once(reader, 'message'))
    for (const reader of readers) reader.postMessage(order)
    return (await Promise.all(answers)).map(([sample]) => sample as Sample)
  }
  return {
    async slice(ms) {
      await told('start')
      const update = timed(UPDATES, change) / 1_000
      const arrival = await arrivalMs(change, seen, threads)
      watch.start()
      const updates = await paced(ms as number, change)
      const { runMs, runsOver10, busyMs } = watch.stop()
      const attached = await told('stop')
      const most = (key: string) => Math.max(0, ...attached.map((sample) => sample[key]))
      if (most('torn') > 0) throw new Error('a reader has seen a torn snapshot')
      const { snapshot } = topology
      return {
        update,
        arrival,
        updatesPerSecond: (updates * 1_000) / (ms as number),
        writerRunMs: runMs,
        writerOver10: runsOver10,
        writerBusy: busyMs / (ms as number),
        readerRunMs: most('runMs'),
        readerOver10: most('runsOver10'),
        readerBusy: most('busyMs') / (ms as number),
        readerLookUps: most('lookUps'),
        snapshot: timed(LOOK_UPS, () => topology.snapshot),
        node: timed(LOOK_UPS, (i) => snapshot.node(`node-${i % nodes}`)),
        region: timed(LOOK_UPS, (i) => snapshot.inRegion(`r${i % regions}`)),
        ...pathTimes(topology, regions),
        heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
      }
    },
    async close() {
      await Promise.all(readers.map((reader) => reader.terminate()))
      topology.close()
    },
  }
}

/** A ring of regions, with as many links across it. */
const linksOf = (regions: number) =>
  regions < 3
    ? []
    : Array.from({ length: regions }, (_, i) => [
        { from: `r${i}`, to: `r${(i + 1) % regions}`, latencyMs: 10 + (i % 17) },
        { from: `r${i}`, to: `r${(i * 31 + 7) % regions}`, latencyMs: 25 + (i % 29) },
      ])
        .flat()
        .filter(({ from, to }) => from !== to)
        .filter(
          ({ from, to }, at, all) =>
            all.findIndex((one) => [one.from, one.to].sort().join() === [from, to].sort().join()) === at,
        )

/** ns each. */
function timed(count: number, call: (i: number) => unknown): number {
  const begun = performance.now()
  for (let i = 0; i < count; i++) call(i)
  return ((performance.now() - begun) * 1e6) / count
}

/** Median ms from an update to the event of it in the last of the other threads. */
async function arrivalMs(change: () => number, seen: Seen, threads: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < (threads > 0 ? ROUND_TRIPS : 0); i++) {
    const begun = performance.now()
    const revision = change()
    while (!seen.every((_, at) => Atomics.load(seen, at) >= revision))
      await new Promise((resolve) => setImmediate(resolve))
    times.push(performance.now() - begun)
  }
  return times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN
}

/** Updates at an even pace; how many. */
function paced(ms: number, change: () => unknown): Promise<number> {
  const begun = performance.now()
  let made = 0
  return new Promise((resolve) => {
    const tick = () => {
      const elapsed = performance.now() - begun
      const due = Math.min((elapsed * PACE.perSecond) / 1_000, made + 4 * PACE.tickMs)
      for (; made < due; made++) change()
      if (elapsed < ms) setTimeout(tick, PACE.tickMs)
      else resolve(made)
    }
    tick()
  })
}

/** Of the first path from a region after a link has changed, ms, and of one that is known, ns. */
function pathTimes(topology: Topology, regions: number): Sample {
  if (regions < 3) return {}
  const link = topology.snapshot.link('r0', 'r1')
  const begun = performance.now()
  topology.update({ links: [{ from: 'r0', to: 'r1', latencyMs: (link?.latencyMs ?? 1) === 11 ? 12 : 11 }] })
  const { snapshot } = topology
  snapshot.path('r0', `r${regions >> 1}`)
  const firstPath = performance.now() - begun
  return { firstPath, path: timed(LOOK_UPS, (i) => snapshot.path('r0', `r${i % regions}`)) }
}
