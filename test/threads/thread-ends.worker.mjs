import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { isGone, LINEAGE_WORDS, onThreadEnd, writeLineage } from '../../dist/runtime/thread-ends.js'

const { what, id, lineages } = workerData
const ready = () => parentPort.postMessage('ready')
const stay = () => parentPort.on('message', () => {})

const WORKS = {
  spins() {
    for (;;);
  },
  blocks() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
  idles: stay,
  throws() {
    throw new Error('as it should')
  },
  exits() {
    process.exit(3)
  },
  returns() {},
  listens() {
    onThreadEnd((ended) => parentPort.postMessage({ ended }))
    parentPort.postMessage('listens')
    stay()
  },
  looks() {
    parentPort.postMessage({ isGone: isGone(id) })
  },
  'looks until gone'() {
    while (!isGone(id));
    parentPort.postMessage({ isGone: true })
  },
  async 'has a child'() {
    writeLineage(lineages, 0)
    const child = new Worker(new URL(import.meta.url), { workerData: { what: 'is a child', lineages } })
    const number = child.threadId
    for (let message = ''; message !== 'written'; ) [message] = await once(child, 'message')
    parentPort.on('message', () => child.terminate())
    parentPort.postMessage({ child: number })
  },
  'is a child'() {
    writeLineage(lineages, LINEAGE_WORDS)
    parentPort.postMessage('written')
    stay()
  },
}

ready()
// A turn later, so that what was posted is sent.
setImmediate(WORKS[what])
