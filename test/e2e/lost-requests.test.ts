/** An endpoint that never answers some of its requests, or holds long polls, keeps serving the others, whatever limit was found for it. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'

/** So much that a machine which is busy with other tests makes no answer late. */
const SERVICE_MS = 100
const PATIENCE_MS = 1_000
const POLLS = 40
let server: Server
let balancer: Balancer
let url: string

afterEach(async () => {
  await balancer.stop({ drainMs: 0 })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** One worker; what asks for /lost or /poll waits for ever. */
async function serve(): Promise<void> {
  let freeAt = 0
  server = createServer((request, response) => {
    if (request.url !== '/') return
    freeAt = Math.max(freeAt, performance.now()) + SERVICE_MS
    setTimeout(() => response.end('answered'), freeAt - performance.now())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  balancer = new Balancer({ services: { users: { endpoints: [url] } } })
}

const view = () => balancer.stats().services.users.endpoints[url]
const ask = async (signal?: AbortSignal) => (await balancer.fetch('http://users/', { signal })).text()

/** Asks every `gapMs` while `lasts`; how many were answered. */
async function ofMany(gapMs: number, lasts: () => boolean): Promise<number> {
  const all: Promise<boolean>[] = []
  while (lasts()) {
    all.push(
      ask(AbortSignal.timeout(PATIENCE_MS)).then(
        () => true,
        () => false,
      ),
    )
    await sleep(gapMs)
  }
  return (await Promise.all(all)).filter(Boolean).length
}

/** At half of what is served. */
const ofTen = () => {
  let left = 10
  return ofMany(2 * SERVICE_MS, () => left-- > 0)
}

/** Callers who poll, leave after `patienceMs`, and come again, until `ended`. Counts those who found no place. */
function poll(patienceMs: number, ended: AbortSignal): { refused: number } {
  const polls = { refused: 0 }
  const one = async (): Promise<void> => {
    while (!ended.aborted) {
      const signal = AbortSignal.any([ended, AbortSignal.timeout(patienceMs)])
      await balancer.fetch('http://users/poll', { signal }).catch((error: { code?: string }) => {
        if (error.code === 'FAIRLEAD_OVERLOADED') polls.refused++
      })
      await sleep(50)
    }
  }
  for (let i = 0; i < POLLS; i++) void one()
  return polls
}

it('is not shut off by requests that it has lost, once overload has found it a limit', {
  timeout: 60_000,
}, async () => {
  await serve()
  await ask()
  await ofMany(SERVICE_MS / 4, () => view().adaptiveLimit === 0)
  const lost = Array.from({ length: 20 }, () => balancer.fetch('http://users/lost').catch(() => {}))
  // Those that found no place are refused, some are lost; then the others come again.
  await expect.poll(ofTen, { timeout: 40_000, interval: 1 }).toBe(10)
  expect(view().unanswered).toBeGreaterThan(0)
  await balancer.stop({ drainMs: 0 })
  await Promise.all(lost)
})

it.each([1_000, 3_000])(
  'is not limited by long polls that callers leave after %i ms, beside quick requests',
  {
    timeout: 60_000,
  },
  async (patienceMs) => {
    await serve()
    for (let i = 0; i < 10; i++) await ask()
    const end = new AbortController()
    const polls = poll(patienceMs, end.signal)
    const until = performance.now() + 4 * patienceMs
    let asked = 0
    const answered = await ofMany(2 * SERVICE_MS, () => performance.now() < until && ++asked > 0)
    expect(view().unanswered).toBeGreaterThan(POLLS / 2)
    expect(answered).toBe(asked)
    expect(polls.refused).toBe(0)
    expect(view().adaptiveLimit).toBe(0)
    end.abort()
  },
)

it('is limited by long polls with nothing beside them for a while, and then no more', {
  timeout: 90_000,
}, async () => {
  await serve()
  for (let i = 0; i < 10; i++) await ask()
  const end = new AbortController()
  const polls = poll(1_000, end.signal)
  // That is the price: callers who leave are all that an overloaded endpoint shows, too.
  await expect.poll(() => polls.refused, { timeout: 20_000 }).toBeGreaterThan(0)
  await expect.poll(() => view().adaptiveLimit, { timeout: 40_000 }).toBe(0)
  polls.refused = 0
  await sleep(5_000)
  expect(await ofTen()).toBe(10)
  expect(polls.refused).toBe(0)
  expect(view().unanswered).toBeGreaterThan(POLLS / 2)
  end.abort()
})

it('is let go in spite of long polls, once overload has found it a limit', {
  timeout: 90_000,
}, async () => {
  await serve()
  await ask()
  await ofMany(SERVICE_MS / 4, () => view().adaptiveLimit === 0)
  const end = new AbortController()
  const polls = poll(3_000, end.signal)
  await expect.poll(ofTen, { timeout: 60_000, interval: 1 }).toBe(10)
  await expect.poll(() => view().unanswered, { timeout: 10_000 }).toBeGreaterThan(POLLS / 2)
  polls.refused = 0
  expect(await ofTen()).toBe(10)
  expect(polls.refused).toBe(0)
  end.abort()
})
