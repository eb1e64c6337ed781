/** An endpoint that never answers some of its requests keeps serving the others, whatever limit was found for it. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'

const SERVICE_MS = 20
let server: Server
let balancer: Balancer

afterEach(async () => {
  await balancer.stop({ drainMs: 0 })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

it('is not shut off by requests that it has lost, once overload has found it a limit', {
  timeout: 60_000,
}, async () => {
  // One worker; what asks for /lost is forgotten.
  let freeAt = 0
  server = createServer((request, response) => {
    if (request.url === '/lost') return
    freeAt = Math.max(freeAt, performance.now()) + SERVICE_MS
    setTimeout(() => response.end('answered'), freeAt - performance.now())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  balancer = new Balancer({ services: { users: { endpoints: [url] } } })
  const found = () => balancer.stats().services.users.endpoints[url].adaptiveLimit
  const ask = async (signal?: AbortSignal) => (await balancer.fetch('http://users/', { signal })).text()
  const answers = (gapMs: number, lasts: () => boolean) => async () => {
    const all: Promise<boolean>[] = []
    while (lasts()) {
      all.push(
        ask(AbortSignal.timeout(500)).then(
          () => true,
          () => false,
        ),
      )
      await sleep(gapMs)
    }
    return (await Promise.all(all)).filter(Boolean).length
  }
  await ask()
  await answers(5, () => found() === 0)()
  const lost = Array.from({ length: 20 }, () => balancer.fetch('http://users/lost').catch(() => {}))
  // Those that found no place are refused, some are lost; then the others come again, at half of what is served.
  const ofTwenty = () => {
    let left = 20
    return answers(2 * SERVICE_MS, () => left-- > 0)()
  }
  await expect.poll(ofTwenty, { timeout: 40_000, interval: 1 }).toBe(20)
  expect(balancer.stats().services.users.endpoints[url].unanswered).toBeGreaterThan(0)
  await balancer.stop({ drainMs: 0 })
  await Promise.all(lost)
})
