import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { ActiveChecker } from '../../lib/health/active/active-checker.js'
import type { Check, CheckResult } from '../../lib/health/active/check.js'
import { createHttpCheck } from '../../lib/health/active/http-check.js'
import { monotonicNow } from '../../lib/runtime/clock.js'
import { systemTimers } from '../../lib/runtime/timers.js'
import { endpointAt } from '../support/health-servers.js'

/** A healthy HTTP server in a thread of its own, which answers after `delayMs` whatever this thread does. */
async function healthyPort(delayMs: number): Promise<number> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    const server = require('node:http').createServer((_request, response) => setTimeout(() => response.end(), workerData))
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`
  const worker = new Worker(source, { eval: true, workerData: delayMs })
  onTestFinished(async () => void (await worker.terminate()))
  return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

function holdLoop(ms: number): void {
  const end = monotonicNow() + ms
  while (monotonicNow() < end) {}
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 10_000) throw new Error('ten seconds have passed in vain')
    await sleep(10)
  }
}

it.each([
  ['a little longer than the time-out', 1100],
  ['longer than the interval', 2500],
])('a loop that was held %s does not make a healthy endpoint fail', async (_what, heldMs) => {
  const endpoint = endpointAt(`http://127.0.0.1:${await healthyPort(20)}`)
  const http = createHttpCheck({})
  onTestFinished(() => http.close())
  const results: CheckResult[] = []
  let calls = 0
  const check: Check = (...args) => {
    const result = http.check(...args)
    // The second one has just begun, and its answer cannot have come yet.
    if (++calls === 2) holdLoop(heldMs)
    return result
  }
  const options = { interval: 1200, timeout: 1000, jitter: 0.1 }
  const checker = new ActiveChecker(options, check, systemTimers, (_endpoint, result) => results.push(result))
  onTestFinished(() => checker.stop())
  checker.add(endpoint)
  checker.start()
  await until(() => results.length >= 4)
  await checker.stop()
  expect(results[1]).toMatchObject({
    ok: false,
    discarded: true,
    detail: expect.stringContaining('within 1,000 ms'),
  })
  expect(results.filter((result) => !result.ok && !result.discarded)).toEqual([])
  expect(results.at(-1)).toMatchObject({ ok: true })
})
