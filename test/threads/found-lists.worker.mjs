// A thread of a balancer whose endpoints a source finds, in rapid change. Whichever thread leads makes the lists; each looks at those
// that it has, again and again, whether one of them is torn. See found-lists.test.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer, defineSource } from '../../dist/index.js'
import { sumOf } from '../support/found-lists.mjs'
import { seeded } from '../support/seeded.mjs'

const { handle, size, seed, words } = workerData
/** Words that all threads share: the last version of the list, and how many lists were made. */
const VERSION = 0
const MADE = 1
/** Lists stay as they are. */
const IS_OVER = 2
const below = seeded(seed)

const source = defineSource('changing', {
  async start(_options, sink, signal) {
    let list = Array.from({ length: size }, (_, i) => endpoint(i))
    while (!signal.aborted) {
      if (Atomics.load(words, IS_OVER) === 1) {
        await sleep(20)
        continue
      }
      const version = Atomics.add(words, VERSION, 1) + 1
      list = below(50) === 0 ? list.map((_, i) => endpoint(version * size + i)) : changed(list, version)
      sink.found(withSum(list, version))
      Atomics.add(words, MADE, 1)
      await sleep(1)
    }
  },
})

const endpoint = (n) => ({ url: `http://e${n}.test:1`, metadata: { n } })

/** One to ten endpoints are others, say something else, are gone or new; the list keeps its length, give or take a few. */
function changed(list, version) {
  const next = list.slice()
  for (let i = below(10); i >= 0; i--) {
    const at = below(next.length)
    const way = below(4)
    const fresh = endpoint(version * size + i)
    if (way === 0) next[at] = fresh
    else if (way === 1) next[at] = { ...next[at], metadata: { n: next[at].metadata.n, version } }
    else if (way === 2 && next.length > size - 50) next.splice(at, 1)
    else if (next.length < size + 50) next.splice(at, 0, fresh)
  }
  return next
}

/** The first endpoint says the sum of all others, and which list it is. */
const withSum = (list, version) => [
  { url: 'http://sum.test:1', metadata: { version, sum: sumOf(list), length: list.length } },
  ...list,
]

const balancer =
  handle === undefined
    ? new Balancer({ services: { users: { source: { name: source } } } })
    : Balancer.attach(handle)
const users = balancer.service('users')
const seen = { looks: 0, versions: 0, torn: [], last: 0 }

function look() {
  balancer.pick('users').end()
  const [sum, ...list] = users.endpoints
  const { version, ...said } = sum.metadata
  const is = { sum: sumOf(list), length: list.length }
  seen.looks++
  if (version !== seen.last) seen.versions++
  if (version < seen.last) seen.torn.push(`version ${version} after ${seen.last}`)
  seen.last = version
  if (is.sum !== said.sum || is.length !== said.length)
    seen.torn.push(`version ${version} says ${JSON.stringify(said)} and is ${JSON.stringify(is)}`)
}

const jobs = {
  handle: () => balancer.handle,
  start: () => balancer.start(),
  begin: () => void setInterval(look, 2),
  leads: () => balancer.leads,
  seen: () => seen,
  stopChanges: () => void Atomics.store(words, IS_OVER, 1),
  list: () => users.endpoints,
}

parentPort.on('message', async ({ id, job, args }) => {
  try {
    parentPort.postMessage({ id, value: await jobs[job](...args) })
  } catch (error) {
    parentPort.postMessage({ id, error: { name: error.name, code: error.code, message: error.message } })
  }
})
parentPort.postMessage({ id: 0 })
