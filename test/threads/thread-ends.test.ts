/** Ends of real worker threads, of every kind, as the threads hear of them that live. */
import { spawnSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { endedWith, endsNoted, isGone, LINEAGE_WORDS, onThreadEnd } from '../../lib/runtime/thread-ends.js'

const LIMIT_MS = 20_000
const started: Worker[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.terminate()))
})

function start(what: string, workerData: object = {}): Worker {
  const worker = new Worker(new URL('./thread-ends.worker.mjs', import.meta.url), {
    workerData: { what, ...workerData },
  })
  // A worker that throws is one of the cases.
  worker.on('error', () => {})
  started.push(worker)
  return worker
}

/** Resolves once `worker` has posted something that `is` accepts. */
function posted<T>(worker: Worker, is: (message: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    worker.on('message', function take(message: T) {
      if (!is(message)) return
      worker.off('message', take)
      resolve(message)
    })
  })
}

it.each([
  ['is terminated in a loop', 'spins', true],
  ['is terminated while it is blocked', 'blocks', true],
  ['is terminated while it is idle', 'idles', true],
  ['throws', 'throws', false],
  ['calls process.exit()', 'exits', false],
  ['has nothing left to do', 'returns', false],
])('a thread that %s is heard of once', { timeout: LIMIT_MS }, async (_how, what, isTerminated) => {
  const heard: number[] = []
  const before = endsNoted()
  const listens = onThreadEnd((id) => heard.push(id))
  const worker = start(what)
  const id = worker.threadId
  const gone = new Promise((resolve) => worker.once('exit', resolve))
  expect(isGone(id)).toBe(false)
  await posted(worker, (message) => message === 'ready')
  if (isTerminated) await worker.terminate()
  await gone
  await new Promise((resolve) => setTimeout(resolve, 20))
  listens()
  expect(heard).toEqual([id])
  expect(isGone(id)).toBe(true)
  expect(endsNoted()).toBe(before + 1)
})

it('a listener that was taken off hears no more', { timeout: LIMIT_MS }, async () => {
  const heard: number[] = []
  onThreadEnd((id) => heard.push(id))()
  const worker = start('idles')
  await posted(worker, (message) => message === 'ready')
  await worker.terminate()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(heard).toEqual([])
})

it('a thread hears of its siblings, and one that starts later finds them noted', {
  timeout: LIMIT_MS,
}, async () => {
  const sibling = start('listens')
  const victim = start('idles')
  const id = victim.threadId
  await Promise.all([
    posted(sibling, (message) => message === 'listens'),
    posted(victim, (message) => message === 'ready'),
  ])
  const heard = posted<{ ended: number }>(sibling, (message) => message.ended === id)
  await victim.terminate()
  await heard
  const later = start('looks', { id })
  expect(await posted<object | string>(later, (message) => message !== 'ready')).toEqual({ isGone: true })
})

it('a blocked thread finds an end noted, without its event loop', { timeout: LIMIT_MS }, async () => {
  const victim = start('idles')
  await posted(victim, (message) => message === 'ready')
  const watching = start('looks until gone', { id: victim.threadId })
  await posted(watching, (message) => message === 'ready')
  const found = posted<object | string>(watching, (message) => message !== 'ready')
  await victim.terminate()
  expect(await found).toEqual({ isGone: true })
})

it('what a thread has left ends with each of its ancestors', { timeout: LIMIT_MS }, async () => {
  const lineages = new Int32Array(new SharedArrayBuffer(2 * LINEAGE_WORDS * Int32Array.BYTES_PER_ELEMENT))
  const parent = start('has a child', { lineages })
  const child = await posted<{ child: number } | string>(parent, (message) => typeof message === 'object')
  const own = (lineages as Int32Array).slice(0, 2)
  const childs = (lineages as Int32Array).slice(LINEAGE_WORDS, LINEAGE_WORDS + 3)
  expect([...own]).toEqual([parent.threadId, 0])
  expect([...childs]).toEqual([(child as { child: number }).child, parent.threadId, 0])
  expect(endedWith(lineages, LINEAGE_WORDS)).toBe(false)
  await parent.terminate()
  expect(endedWith(lineages, 0)).toBe(true)
  expect(isGone((child as { child: number }).child)).toBe(false)
  expect(endedWith(lineages, LINEAGE_WORDS)).toBe(true)
})

it('the child’s end is its own, not its parent’s', { timeout: LIMIT_MS }, async () => {
  const lineages = new Int32Array(new SharedArrayBuffer(2 * LINEAGE_WORDS * Int32Array.BYTES_PER_ELEMENT))
  const heard: number[] = []
  const parent = start('has a child', { lineages })
  const { child } = (await posted<{ child: number } | string>(
    parent,
    (message) => typeof message === 'object',
  )) as { child: number }
  const listening = new Promise<void>((resolve) => {
    const end = onThreadEnd((id) => {
      heard.push(id)
      end()
      resolve()
    })
  })
  parent.postMessage('end the child')
  await listening
  expect(heard).toEqual([child])
  expect(endedWith(lineages, 0)).toBe(false)
  expect(endedWith(lineages, LINEAGE_WORDS)).toBe(true)
})

it('listening does not keep a process alive', { timeout: LIMIT_MS }, () => {
  const module = JSON.stringify(new URL('../../dist/runtime/thread-ends.js', import.meta.url).href)
  const source = `import(${module}).then((ends) => { ends.onThreadEnd(() => {}); console.log('listens') })`
  const { status, stdout } = spawnSync(process.execPath, ['-e', source], {
    encoding: 'utf8',
    timeout: LIMIT_MS / 2,
  })
  expect([status, stdout.trim()]).toEqual([0, 'listens'])
})
