// One thread of threads.test.ts: reads or changes a topology, through the compiled library.
import { parentPort, workerData } from 'node:worker_threads'
import { Topology } from '../../dist/index.js'

const { handle, gate, job, updates, group, size } = workerData
const topology = Topology.attach(handle)
const STOP = 0
const WRITES = 1

/** What is wrong with a snapshot: each group's nodes bear one number, and the sum over all groups stands in a node of its own. */
function faultOf(snapshot, groups) {
  let sum = 0
  for (let g = 0; g < groups; g++) {
    const numbers = new Set(snapshot.inZone(`g${g}`).map((node) => node.metadata.n))
    if (numbers.size !== 1)
      return `group ${g} has ${[...numbers].join(', ')} at revision ${snapshot.revision}`
    sum += [...numbers][0]
  }
  const said = snapshot.node('sum').metadata.sums.reduce((total, one) => total + one, 0)
  return said === sum ? undefined : `the sum is ${sum}, said is ${said} at revision ${snapshot.revision}`
}

const jobs = {
  /** Looks as often as it can, now and then through its event loop. */
  async read() {
    const { groups } = workerData
    let looks = 0
    let steps = 0
    let last = topology.snapshot
    while (Atomics.load(gate, STOP) === 0) {
      const { snapshot } = topology
      looks++
      if (snapshot !== last) {
        steps++
        const fault =
          ((snapshot.revision - last.revision) | 0) < 0 ? 'it went back' : faultOf(snapshot, groups)
        if (fault !== undefined) return { fault }
        last = snapshot
      }
      // On a machine with few processors nobody would write otherwise.
      if (looks % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return { looks, steps, revision: topology.snapshot.revision }
  },
  /** Writes its own group, all of it at once, and its part of the sum. */
  async write() {
    let n = 0
    while (n < updates && Atomics.load(gate, STOP) === 0) {
      n++
      const nodes = Array.from({ length: size }, (_, i) => ({
        id: `g${group}-${i}`,
        zone: `g${group}`,
        metadata: { n, filler: 'x'.repeat(n % 50) },
      }))
      const sums = topology.snapshot.node('sum').metadata.sums.slice()
      sums[group] = n
      // One writer at a time may change the sum: the tests have one, or look at groups alone.
      topology.update({ nodes: workerData.withSum ? [...nodes, { id: 'sum', metadata: { sums } }] : nodes })
      Atomics.add(gate, WRITES, 1)
      if (n % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    return { n }
  },
}

parentPort.postMessage(await jobs[job]())
topology.close()
