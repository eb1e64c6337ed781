// The process of the soak under overload: its main thread sends as its worker threads do, and decides what happens. Rounds of load
// end in a rest, in which nothing may be left of what was under way. Sends its parent what was wrong, in words.
//   node --expose-gc test/soak/overload/main.mjs --minutes 3 --seed 1
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Balancer, engine } from '../../../dist/index.js'
import { seeded } from '../../support/seeded.mjs'
import { Asked } from './asked.mjs'
import { Faults } from './faults.mjs'
import { descriptors, heapAtRest, rssMiB, thirds } from './growth.mjs'
import { Load } from './load.mjs'
import { Places } from './places.mjs'
import {
  COUNT,
  capacityOf,
  EXPECTED_CODES,
  endedOf,
  firstConfig,
  lastConfig,
  MOST_ROWS,
  SERVICES,
  THREADS,
} from './plan.mjs'
import { notAtRest } from './rest.mjs'
import { Workers } from './workers.mjs'

const ROUNDS = { least: 8, shortestMs: 2_000, longestMs: 12_000 }
const FACTOR = { least: 0.5, most: 4 }
/** A machine that is busy with other things may take that long; nothing here waits for so long by itself. */
const DRAIN_MS = 20_000
/**
 * How much the late median may be above the early one, MiB but for the last. Of a heap: code that is compiled late, up to 1 MiB as
 * measured; in half an hour, 100,000 requests of each thread between the medians, that is 20 bytes a request. Of the process: it goes up
 * and down by 60 with the threads that end and begin. Descriptors have been the same in every round.
 */
const MOST_GROWTH = { 'heap of the main thread': 2, 'heap of a worker thread': 2, rss: 96, descriptors: 2 }

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const runMs = Number(values.minutes) * 60_000
const seed = Number(values.seed)
const below = seeded(seed)
const wrong = []
/** Said at once: what is wrong may keep the run from its end. */
const unexpected = (what) => {
  wrong.push(what)
  console.log(`WRONG: ${what}`)
}
process.on('unhandledRejection', (error) => unexpected(`unhandled rejection: ${error?.stack ?? error}`))
process.on('warning', (warning) => unexpected(`warning: ${warning.stack}`))

const child = fork(fileURLToPath(new URL('./endpoints.mjs', import.meta.url)), [String(seed)], {
  execArgv: [],
})
const endpoints = new Asked((message) => child.send(message))
const [{ endpoints: ports }] = await once(child, 'message')
child.on('message', (message) => endpoints.answered(message))
const urls = {}
for (const { name, port } of ports) (urls[name] ??= []).push(`http://127.0.0.1:${port}`)

const balancer = new Balancer({ ...firstConfig(urls), seed })
await balancer.start()
const counts = new Int32Array(new SharedArrayBuffer(4 * MOST_ROWS * COUNT.WORDS))
const rates = new Float64Array(new SharedArrayBuffer(8 * SERVICES.length))
const workers = new Workers({ handle: balancer.handle, urls, counts, rates }, seed, unexpected)
const row = workers.takeRow()
let isOver = false
const load = new Load(balancer, { counts, rates, row, seed }, unexpected)
const loading = load.run(() => isOver)
for (let place = 0; place < THREADS - 1; place++) workers.start(place)
const faults = new Faults({ below, balancer, workers, endpoints, urls, unexpected })

const total = (field) => {
  let sum = 0
  for (let at = field; at < counts.length; at += COUNT.WORDS) sum += counts[at]
  return sum
}
const samples = Object.fromEntries(Object.keys(MOST_GROWTH).map((what) => [what, []]))

/** Waits until a list of what is wrong is empty; what it was in the end. */
async function settled(find) {
  const end = performance.now() + DRAIN_MS
  for (;;) {
    const found = await find()
    if (found.length === 0 || performance.now() > end) return found
    await sleep(20)
  }
}

const places = new Places({ balancer, load, workers, below, settled })

/** Load at so many times the capacity, for so long; and what of it was answered while its callers were there. */
async function burst(ms) {
  const before = SERVICES.map((_, i) => total(COUNT.GOOD + i))
  const factors = SERVICES.map(() => FACTOR.least + (below(1_000) / 1_000) * (FACTOR.most - FACTOR.least))
  for (const [i, service] of SERVICES.entries()) rates[i] = factors[i] * capacityOf(service)
  await endpoints.ask('empty', { on: false })
  const begun = performance.now()
  await faults.until(begun + ms)
  rates.fill(0)
  const seconds = (performance.now() - begun) / 1_000
  await faults.heal()
  await endpoints.ask('empty', { on: true })
  const words = SERVICES.map((service, i) => {
    const good = (total(COUNT.GOOD + i) - before[i]) / seconds / capacityOf(service)
    return `${service.name} ${factors[i].toFixed(1)}x ${Math.round(100 * good)}%`
  })
  return words.join(', ')
}

/** Nothing is under way: everything has to be as if nothing had ever been. */
async function rest() {
  const undrained = await settled(() => {
    const rows = [row, ...workers.rows]
    return rows
      .map((one) => counts[one * COUNT.WORDS + COUNT.SENT] - endedOf(counts, one))
      .filter((open) => open !== 0)
      .map((open) => `${open} requests of a thread have not ended`)
  })
  const found = [...undrained, ...(await settled(() => notAtRest(balancer, THREADS, workers.kills)))]
  found.forEach(unexpected)
  const connections = async () => {
    const threads = [load.leftovers(), ...(await workers.askAll('leftovers'))]
    const sum = (key) => threads.reduce((all, one) => all + one.connections[key], 0)
    const [open, idle, accepted] = [sum('open'), sum('idle'), await endpoints.ask('connections')]
    const listeners = threads.reduce((all, one) => all + one.listeners, 0)
    const found = []
    if (open !== idle) found.push(`${open - idle} connections are not idle`)
    if (open !== accepted.length)
      found.push(`${open} connections here, ${accepted.length} at the endpoints: ${accepted.join('; ')}`)
    for (const key of ['connecting', 'waiting']) if (sum(key) !== 0) found.push(`${sum(key)} ${key}`)
    if (listeners !== 0) found.push(`${listeners} listeners are left on signals`)
    return found
  }
  for (const what of await settled(connections)) unexpected(what)
}

async function sample() {
  // What idle connections take is nobody's leak, and their number is chance.
  const unclosed = await settled(async () => {
    await endpoints.ask('closeIdle')
    const leftovers = [load.leftovers(), ...(await workers.askAll('leftovers'))]
    const here = leftovers
      .map(({ connections }) => JSON.stringify(connections))
      .filter((one) => !one.startsWith('{"open":0'))
    const there = await endpoints.ask('connections')
    return [...here, ...there].map((one) => `not closed: ${one}`)
  })
  unclosed.forEach(unexpected)
  samples['heap of the main thread'].push(await heapAtRest())
  samples['heap of a worker thread'].push(await workers.ask(0, 'heap'))
  samples.rss.push(rssMiB())
  const open = descriptors()
  if (open !== undefined) samples.descriptors.push(open)
}

function growth() {
  for (const [what, most] of Object.entries(MOST_GROWTH)) {
    // It has ended early, or the system does not tell.
    if (samples[what].length < ROUNDS.least) continue
    const { early, late } = thirds(samples[what])
    console.log(`  ${what}: ${early.toFixed(1)}, later ${late.toFixed(1)} (at most ${most} more)`)
    if (late - early > most) unexpected(`${what} has grown from ${early.toFixed(1)} to ${late.toFixed(1)}`)
  }
}

console.log(`overload, ${engine.kind} engine, ${values.minutes} min, seed ${seed}`)
await workers.ready()
await workers.ask(0, 'warmUp')
const begun = performance.now()
const isToGoOn = (round) => performance.now() - begun < runMs || round <= ROUNDS.least
const roundMs = Math.min(Math.max(runMs / (2 * ROUNDS.least), ROUNDS.shortestMs), ROUNDS.longestMs)
for (let round = 1; isToGoOn(round) && wrong.length === 0; round++) {
  const words = await burst(roundMs / 2 + below(roundMs))
  await rest()
  if (wrong.length > 0) break
  const { name } = SERVICES[round % SERVICES.length]
  for (const what of await places.check(name, lastConfig(urls))) unexpected(what)
  await rest()
  await sample()
  const seconds = Math.round((performance.now() - begun) / 1_000)
  const memory = Object.values(samples).map((list) => list.at(-1)?.toFixed(1))
  console.log(
    `  ${seconds} s, round ${round}: ${words}; ${workers.kills} kills, ${workers.lost} lost; ${memory.join(', ')}`,
  )
}

async function stop() {
  isOver = true
  await loading
  await workers.stop()
  await balancer.stop()
  for (const what of await settled(() => endpoints.ask('connections'))) unexpected(`after the stop: ${what}`)
}

// What hangs would keep the report back.
if (wrong.length === 0) await stop()
growth()

const [sent, answered, failed, aborted] = [COUNT.SENT, COUNT.ANSWERED, COUNT.FAILED, COUNT.ABORTED].map(total)
const codes = EXPECTED_CODES.map((code, i) => `${code} ${total(COUNT.CODES + i)}`).join(', ')
console.log(
  `  ${sent} sent: ${answered} answered, ${failed} failed (${codes}), ${aborted} aborted, ${workers.lost} lost`,
)
console.log(`  ${JSON.stringify(faults.done)}`)
if (sent !== answered + failed + aborted + workers.lost) unexpected('not every request was counted once')
if (total(COUNT.TWICE) > 0) unexpected(`${total(COUNT.TWICE)} requests were told twice how they ended`)
const report = { sent, answered, failed, aborted, kills: workers.kills, lost: workers.lost, wrong }
if (process.send !== undefined) await new Promise((resolve) => process.send(report, resolve))
if (wrong.length > 0) process.exit(1)
// Else it ends by itself: nothing is left that keeps it.
child.disconnect()
process.disconnect?.()
