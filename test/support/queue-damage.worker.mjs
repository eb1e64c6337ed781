// One thread of test/support/queue-damage.mjs: uses a queue, damages its memory, and uses it in every way that there is.
// An exception is an answer; a signal or a silence is not, and those the parents see.
import { parentPort, workerData } from 'node:worker_threads'
import { RequestQueue, TicketQueue } from '../../dist/index.js'
import { seeded } from './seeded.mjs'

const SENTINELS = [0, 1, -1, 0x7fffffff, -0x80000000, 0x40000000, 0xffff, 0x10000, 0xffff0000 | 0, 64, 65]
const WAIT_MS = 2
const { stray } = workerData
/** Codes and names of what was thrown, with how often. */
const thrown = new Map()

const attempt = (/** @type {() => unknown} */ operation) => {
  try {
    return operation()
  } catch (error) {
    const { code, name, message } = /** @type {any} */ (error)
    if (typeof message !== 'string' || message === '') throw new Error(`${name} without a message`)
    const key = code ?? `${name}: ${/** @type {Error} */ (error).stack?.split('\n').slice(0, 3).join(' ')}`
    thrown.set(key, (thrown.get(key) ?? 0) + 1)
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Every operation of a queue of either kind, in an order of the seed's. */
async function useAll(/** @type {any} */ queue, /** @type {(n: number) => number} */ below, capacity = 64) {
  const isTickets = queue instanceof TicketQueue
  const item = () => (isTickets ? below(2 ** 32) : `request ${below(1e6)}`.slice(0, 1 + below(14)))
  const items = (/** @type {number} */ n) =>
    isTickets ? Uint32Array.from({ length: n }, () => below(2 ** 32)) : Array.from({ length: n }, item)
  const room = (/** @type {number} */ n) => (isTickets ? new Uint32Array(n) : n)
  const held = /** @type {any[]} */ ([])
  const operations = [
    () => {
      for (let i = below(2 * Math.min(capacity, 600)); i >= 0; i--) queue.push(item())
    },
    () => queue.pushMany(items(below(700))),
    () => queue.popMany(room(below(700))),
    () => queue.popMany(room(1 + below(4))),
    () => queue.flush(),
    () => queue.stats(),
    () => queue.ended,
    () => queue.handle,
    () => queue.popWait(room(1 + below(300)), WAIT_MS),
    () => (isTickets ? TicketQueue : RequestQueue).attach(queue.handle).popMany(room(8)),
    () => {
      if (!isTickets) held.push(queue.popMany(1 + below(300), { views: true }))
    },
    () => {
      for (const views of held.splice(0, below(3))) {
        for (const view of views) view.slice()
        views.release()
      }
    },
    () => {
      queue.read(isTickets ? 1 + below(300) : undefined).catch(() => {})
    },
  ]
  for (let i = 0; i < 30; i++) {
    attempt(operations[below(operations.length)])
    // The end of a turn publishes, and a reader that waits has its turn.
    if (i % 10 === 9) await turn()
  }
  for (const views of held) attempt(() => views.release())
}

function damage(
  /** @type {Int32Array} */ words,
  /** @type {number} */ at,
  /** @type {(n: number) => number} */ below,
) {
  const kind = below(SENTINELS.length + 4)
  if (kind < SENTINELS.length) words[at] = SENTINELS[kind]
  else if (kind === SENTINELS.length) words[at] += 1
  else if (kind === SENTINELS.length + 1) words[at] -= 1
  else words[at] = below(2 ** 32)
}

parentPort?.on('message', async ({ handle, seed, ats, capacity }) => {
  const below = seeded(seed)
  // Numbers that are near each other give sequences that are.
  for (let i = 0; i < 4; i++) below(2)
  const Queue = handle.type === 'fairlead.ticket-queue' ? TicketQueue : RequestQueue
  const queue = Queue.attach(handle)
  const words = new Int32Array(handle.memory)
  try {
    await useAll(queue, below, capacity)
    // Also queues of more lanes than consumers look at one by one.
    if (below(3) === 0) words[workerData.lanesUsedAt] = 2 + below(63)
    for (const at of ats) damage(words, at < 0 ? words.length + at : at, below)
    if (stray !== undefined) Atomics.store(new Int32Array(stray), 0, 1)
    await useAll(queue, below, capacity)
    // As the memory is found by a process whose threads have all begun anew.
    const copy = new SharedArrayBuffer(words.byteLength)
    new Int32Array(copy).set(words)
    const again = attempt(() => Queue.attach({ ...handle, memory: copy }))
    if (again !== undefined) await useAll(again, below, capacity)
    attempt(() => queue.close())
    await useAll(queue, below, capacity)
    parentPort?.postMessage({ thrown: [...thrown] })
  } catch (error) {
    parentPort?.postMessage({ fault: /** @type {Error} */ (error).stack })
  }
})
