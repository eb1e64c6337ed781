/**
 * Silence in real time, with all defaults: an endpoint that hangs in three ways loses its traffic, and services whose answers
 * take a minute, all of them or some, have not one request cut. Endpoints are processes of their own.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'

const SECONDS = 340
/** Longest answer, ms. */
const LONG_MS = 60_000
/** What docs/outcomes.md promises, and a second for a busy machine, ms. */
const LONGEST_WAIT_MS = 7_000
const SERVER = fileURLToPath(new URL('./hang.server.mjs', import.meta.url))

interface Tally {
  readonly sent: number
  readonly failed: readonly string[]
  readonly worstMs: number
  /** Picks of the endpoint that hangs after the first ten seconds, of all. */
  readonly share: number
}

async function start(behaviour: string, children: ChildProcess[]): Promise<string> {
  const child = fork(SERVER, [behaviour])
  children.push(child)
  const [port] = (await once(child, 'message')) as [number]
  return `http://127.0.0.1:${port}`
}

async function run(behaviours: readonly string[], perSecond: number): Promise<Tally> {
  const children: ChildProcess[] = []
  try {
    return await load(await Promise.all(behaviours.map((one) => start(one, children))), perSecond)
  } finally {
    for (const child of children) child.kill()
  }
}

/** GETs in an open loop. The first endpoint is the one in question. */
async function load(endpoints: readonly string[], perSecond: number): Promise<Tally> {
  const balancer = new Balancer({ services: { users: { endpoints } } })
  await balancer.start()
  const requestsOf = (url: string) => balancer.stats().services.users.endpoints[url].requests
  const all = () => endpoints.reduce((sum, url) => sum + requestsOf(url), 0)
  const answers: Promise<void>[] = []
  const failed: string[] = []
  let [worstMs, sent, early, earlyAll] = [0, 0, -1, 0]
  const began = performance.now()
  for (;;) {
    const elapsed = performance.now() - began
    if (early < 0 && elapsed > 10_000) [early, earlyAll] = [requestsOf(endpoints[0]), all()]
    const due = Math.min(SECONDS, elapsed / 1_000) * perSecond
    for (; sent < due; sent++) {
      const at = performance.now()
      const answered = balancer.fetch('http://users/').then(async (response) => {
        await response.text()
        worstMs = Math.max(worstMs, performance.now() - at)
      })
      answers.push(
        answered.catch((error) => void failed.push(String(error.cause?.code ?? error.code ?? error))),
      )
    }
    if (elapsed > SECONDS * 1_000) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all(answers)
  const share = (requestsOf(endpoints[0]) - early) / (all() - earlyAll)
  await balancer.stop({ drainMs: 0 })
  return { sent, failed, worstMs, share }
}

it.concurrent.each(['silent', 'trickle', 'informational'])(
  'of three endpoints one hangs (%s): 100 GETs a second for 340 s, all answered, at most 2%% of the picks go there',
  async (behaviour) => {
    const tally = await run([behaviour, 'quick', 'quick'], 100)
    console.log(`${behaviour}: ${JSON.stringify({ ...tally, failed: tally.failed.length })}`)
    expect(tally.failed).toEqual([])
    expect(tally.share).toBeLessThanOrEqual(0.02)
    expect(tally.worstMs).toBeLessThanOrEqual(LONGEST_WAIT_MS)
  },
  (SECONDS + 60) * 1_000,
)

it.concurrent.each([
  ['every answer takes a minute', 'slow', 2],
  ['one answer in 2,000 takes a minute', 'mixed', 10],
  ['one answer in 2,000 takes a minute', 'mixed', 100],
  ['one answer in 50 takes a minute', 'polls', 20],
])(
  'nothing is cut where %s (%s, %i a second)',
  async (_what, behaviour, perSecond) => {
    const tally = await run([behaviour, behaviour, behaviour], perSecond)
    console.log(`${behaviour}, ${perSecond}/s: ${JSON.stringify({ ...tally, failed: tally.failed.length })}`)
    expect(tally.failed).toEqual([])
    // Not cut, nor sent elsewhere: else the longest would have taken longer than the longest answer.
    expect(tally.worstMs).toBeLessThanOrEqual(LONG_MS + LONGEST_WAIT_MS)
  },
  (SECONDS + 120) * 1_000,
)
