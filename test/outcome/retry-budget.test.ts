/** The retry budget over time: what requests put in lives for ten seconds, a reserve is there whatever the traffic. */
import { describe, expect, it } from 'vitest'
import type { ServiceConfig } from '../../lib/model/index.js'
import { answering, startEndpoints } from '../support/http-servers.js'
import { manualBalancer } from '../support/manual-balancer.js'

const SECOND_MS = 1_000
const WINDOW_MS = 10 * SECOND_MS

async function scene(budget: { ratio: number; minPerSecond: number }, rest: Partial<ServiceConfig> = {}) {
  const [a] = await startEndpoints(1)
  const made = manualBalancer([a], { outlier: false, retry: { budget, backoffBaseMs: 0, ...rest.retry } })
  const { balancer, users } = made
  const send = async (requests: number) => {
    for (let i = 0; i < requests; i++) await (await balancer.fetch('http://users/')).text()
  }
  return { ...made, a, send, available: () => users().retriesAvailable }
}

describe('the retry budget', () => {
  it('has what the requests of the last ten seconds put in, second by second', async () => {
    const { machine, send, available } = await scene({ ratio: 0.5, minPerSecond: 0 })
    const seen: number[] = []
    for (const requests of [8, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) {
      await send(requests)
      seen.push(available())
      await machine.advance(SECOND_MS)
    }
    expect(seen).toEqual([4, 4, 6, 6, 6, 6, 6, 6, 6, 6, 2, 2, 0])
  })

  it('empties the bucket of a second before it is used again, ten seconds later', async () => {
    const { machine, send, available } = await scene({ ratio: 1, minPerSecond: 0 })
    await send(5)
    await machine.advance(WINDOW_MS)
    await send(2)
    expect(available()).toBe(2)
  })

  it('empties every bucket after a pause of any length', async () => {
    for (const seconds of [10, 11, 15, 20, 3_600]) {
      const { machine, send, available } = await scene({ ratio: 1, minPerSecond: 0 })
      await send(3)
      await machine.advance(SECOND_MS)
      await send(3)
      await machine.advance(seconds * SECOND_MS)
      expect(available()).toBe(0)
    }
  })

  it('has its reserve for the whole window at once, and gets it back as the window moves on', async () => {
    const { machine, a, balancer, available } = await scene(
      { ratio: 0, minPerSecond: 1 },
      { retry: { attempts: 20 } },
    )
    expect(available()).toBe(10)
    a.handle = answering('sick', 503)
    expect((await balancer.fetch('http://users/')).status).toBe(503)
    expect([a.requests, available()]).toEqual([11, 0])
    await machine.advance(WINDOW_MS - SECOND_MS)
    expect(available()).toBe(0)
    await machine.advance(SECOND_MS)
    expect(available()).toBe(10)
  })

  it('takes one whole retry at a time: a part of one is none', async () => {
    const { a, balancer, send, available } = await scene({ ratio: 0.3, minPerSecond: 0 })
    await send(3)
    expect(available()).toBe(0)
    a.handle = answering('sick', 503)
    // The fourth request makes it 1.2.
    expect((await balancer.fetch('http://users/')).status).toBe(503)
    expect(a.requests).toBe(5)
    expect(available()).toBe(0)
  })

  it('is that of the newest configuration, with what requests have put in before', async () => {
    const { balancer, configOf, send, available } = await scene({ ratio: 1, minPerSecond: 0 })
    await send(3)
    const retry = { budget: { ratio: 0.5, minPerSecond: 2 } }
    await balancer.update(configOf(undefined, { outlier: false, retry }))
    expect(available()).toBe(23)
    await send(2)
    expect(available()).toBe(24)
  })
})
