/** The time by which this process's event loop was held is nobody's latency: real requests, a server in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Dispatcher, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/index.js'

const HOLD_MS = 250
const ROUNDS = 12
/** Of a round: their answers come while the event loop is held, and not before. */
const REQUESTS = 4
const NS_PER_MS = 1e6
/** What may be left of a hold: far more than the 10 ms between two ticks, far less than the hold. */
const MARGIN_MS = HOLD_MS / 2

/** ms, on the clock of the server. */
const now = (): number => Number(process.hrtime.bigint()) / NS_PER_MS

async function startServer(): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(fileURLToPath(new URL('../support/released-server.mjs', import.meta.url)))
  onTestFinished(() => void child.kill('SIGKILL'))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { child, url: `http://127.0.0.1:${port}` }
}

/** Calls `then` where a socket is read. */
const whenRead = (url: string, then: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const read = (response: IncomingMessage): void => {
      then()
      response.resume().on('end', resolve)
    }
    get(`${url}/begin`, read).on('error', reject)
  })

type Place = (hold: () => void, url: string, dispatcher: Dispatcher) => unknown

/** Where the event loop is held. */
const PLACES: Record<string, Place> = {
  'the callback of a socket': (hold, url) => whenRead(url, hold),
  'a timer': (hold) => sleep(1).then(hold),
  'an immediate': (hold) => immediate().then(hold),
  'code that awaited another answer of the endpoint': async (hold, _url, dispatcher) => {
    await (await request('http://users/begin', { dispatcher })).body.dump()
    hold()
  },
}

describe('an event loop that is held', { timeout: 120_000 }, () => {
  /**
   * A busy machine makes answers late as well, which is the endpoint's latency as far as anybody can tell. So the server
   * says when it answered, and what was recorded is compared with that.
   */
  it.each(Object.keys(PLACES))('by %s is not in the latencies of the endpoint', async (place) => {
    const { child, url } = await startServer()
    const balancer = new Balancer({ services: { users: { endpoints: [{ id: 'a', url }] } } })
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    const dispatcher = balancer.dispatcher()
    /** From the call until the answer was written, and until the caller had it, ms. */
    const real: number[] = []
    const waits: number[] = []
    const ask = async (round: number): Promise<void> => {
      const called = now()
      const { body } = await request(`http://users/${round}`, { dispatcher })
      waits.push(now() - called)
      real.push(Number(await body.text()) - called)
    }
    const all = (round: number): Promise<void>[] => Array.from({ length: REQUESTS }, () => ask(round))
    // Connections are open from now on.
    child.send(0)
    await Promise.all(all(0))
    waits.length = 0
    for (let round = 1; round <= ROUNDS; round++) {
      const answers = all(round)
      const hold = (): void => {
        child.send(round)
        for (const end = now() + HOLD_MS; now() < end; );
      }
      await PLACES[place](hold, url, dispatcher)
      await Promise.all(answers)
    }
    expect(Math.min(...waits)).toBeGreaterThan(HOLD_MS)
    const { averageLatencyMs, latencyMs } = balancer.stats().services.users.endpoints['a']
    real.sort((a, b) => a - b)
    const median = real[real.length >> 1]
    const longest = real[real.length - 1]
    const seen = `the endpoint took ${median} ms in the median, ${longest} ms at most`
    expect(latencyMs.p50, `p50; ${seen}`).toBeLessThan(median + MARGIN_MS)
    expect(latencyMs.p99, `p99; ${seen}`).toBeLessThan(longest + MARGIN_MS)
    expect(averageLatencyMs, `average; ${seen}`).toBeLessThan(longest + MARGIN_MS)
  })
})
