/**
 * Overload from the first request on, all defaults: the first answers are slow, so that no later one seems late, or come so late that
 * nobody is there any more; and callers leave without having said when. Only that they leave tells of the line at the endpoint.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'

const SERVICE_MS = 100
const WORKERS = 2
const PATIENCE_MS = 1_000
const LOAD = 2
let server: Server
let balancer: Balancer

afterEach(async () => {
  await balancer.stop({ drainMs: 0 })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/**
 * So many workers, which notice nothing of callers who leave.
 * @param coldMs for the first that each serves, as where code is compiled and caches are empty
 */
async function serve(coldMs: number): Promise<string> {
  let served = 0
  const freeAt = new Array<number>(WORKERS).fill(0)
  server = createServer((_, response) => {
    const now = performance.now()
    const worker = freeAt.indexOf(Math.min(...freeAt))
    const ms = served++ < WORKERS ? coldMs : SERVICE_MS
    freeAt[worker] = Math.max(freeAt[worker], now) + ms
    setTimeout(() => response.end('answered'), freeAt[worker] - now)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it.each([700, 3_000])(
  'finds a limit, and serves again as many as can be served, with first answers after %i ms',
  {
    timeout: 60_000,
  },
  async (coldMs) => {
    const url = await serve(coldMs)
    balancer = new Balancer({ services: { users: { endpoints: [url] } } })
    const gapMs = SERVICE_MS / WORKERS / LOAD
    const one = async (): Promise<boolean> => {
      try {
        await (await balancer.fetch('http://users/', { signal: AbortSignal.timeout(PATIENCE_MS) })).text()
        return true
      } catch {
        return false
      }
    }
    const begin = performance.now()
    const answered: Promise<boolean>[] = []
    let recent = 0
    for (let due = 0; due < 40_000; due += gapMs) {
      const early = due - (performance.now() - begin)
      if (early > 0) await sleep(early)
      answered.push(one())
      // Each second: how many of those that were sent one to two seconds ago were answered.
      const perSecond = Math.round(1_000 / gapMs)
      if (answered.length % perSecond !== 0 || answered.length < 2 * perSecond) continue
      recent = (await Promise.all(answered.slice(-2 * perSecond, -perSecond))).filter(Boolean).length
      if (due > 5_000 && recent >= (0.7 * perSecond) / LOAD) break
    }
    await Promise.all(answered)
    expect(recent).toBeGreaterThanOrEqual((0.7 * 1_000) / gapMs / LOAD)
    expect(balancer.stats().services.users.endpoints[url].adaptiveLimit).toBeGreaterThan(0)
  },
)
