import { createServer } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { ActiveChecker } from '../../lib/health/active/active-checker.js'
import type { Check, CheckResult } from '../../lib/health/active/check.js'
import { createHttpCheck } from '../../lib/health/active/http-check.js'
import { tcpCheck } from '../../lib/health/active/tcp-check.js'
import { systemTimers } from '../../lib/runtime/timers.js'
import { endpointAt, type Served, serve, tlsFixture } from '../support/health-servers.js'

/** Connections of this process at either end. (Listening sockets and timers come and go with the test runner's own.) */
const sockets = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => /TCPSocket|TCPConnect|TLS|GetAddrInfo/.test(name))

/** Accepts, and lets `count` requests come in without answering. */
async function halfOpen(count: number): Promise<Served & { readonly asked: Promise<void> }> {
  let left = count
  let done = (): void => {}
  const asked = new Promise<void>((resolve) => {
    done = resolve
  })
  const behave = (): void => void (--left === 0 && done())
  const server = await serve(createServer((socket) => void socket.once('data', behave)))
  return { ...server, asked }
}

it.each(['http', 'https'])('stop leaves no socket while %s checks hang', async (scheme) => {
  const server = await halfOpen(3)
  const http = createHttpCheck({}, { connect: { ca: tlsFixture.ca } })
  onTestFinished(() => http.close())
  const results: CheckResult[] = []
  const options = { interval: 60_000, timeout: 30_000, jitter: 0.1 }
  const checker = new ActiveChecker(options, http.check, systemTimers, (_endpoint, result) =>
    results.push(result),
  )
  onTestFinished(() => checker.stop())
  for (const id of ['a', 'b', 'c']) checker.add(endpointAt(`${scheme}://localhost:${server.port}`, id))
  checker.start()
  await server.asked
  expect(server.accepted()).toBe(3)
  await checker.stop()
  await http.close()
  await server.allClosed()
  expect(results).toEqual([])
  expect(sockets()).toEqual([])
})

it('stop leaves nothing behind after many checks of working endpoints', async () => {
  const server = await serve(
    createServer(
      (socket) => void socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')),
    ),
  )
  const http = createHttpCheck({})
  onTestFinished(() => http.close())
  const both: Check = async (endpoint, timeoutMs, signal) => {
    const tcp = await tcpCheck(endpoint, timeoutMs, signal)
    return tcp.ok ? http.check(endpoint, timeoutMs, signal) : tcp
  }
  const results: CheckResult[] = []
  let enough = (): void => {}
  const hundred = new Promise<void>((resolve) => {
    enough = resolve
  })
  const options = { interval: 20, timeout: 20_000, jitter: 0.5 }
  const checker = new ActiveChecker(options, both, systemTimers, (_endpoint, result) => {
    if (results.push(result) === 100) enough()
  })
  onTestFinished(() => checker.stop())
  for (let i = 0; i < 10; i++) checker.add(endpointAt(`http://127.0.0.1:${server.port}`, `e${i}`))
  checker.start()
  await hundred
  await checker.stop()
  await http.close()
  await server.allClosed()
  expect(results.filter((result) => !result.ok)).toEqual([])
  expect(sockets()).toEqual([])
})
