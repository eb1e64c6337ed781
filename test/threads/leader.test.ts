/** Of all threads that share a balancer exactly one runs the control loops; when it ends, however it ends, another does. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer, type BalancerStats } from '../../lib/index.js'
import type { BalancerHandle } from '../../lib/shared/handle.js'
import { type AttachedThread, attach, configOf, owningThread, until } from '../support/attached.js'
import { startEndpoints } from '../support/http-servers.js'
import { ManualTimers } from '../support/manual-timers.js'

const INTERVAL_MS = 100

async function leaders(threads: readonly AttachedThread[]): Promise<AttachedThread[]> {
  const leads = await Promise.all(threads.map((thread) => thread.do<boolean>('leads')))
  return threads.filter((_, i) => leads[i])
}

const ends: Record<string, (thread: AttachedThread) => Promise<unknown>> = {
  'is terminated': (thread) => thread.terminate(),
  exits: (thread) => ended(thread, 'exit'),
  throws: (thread) => ended(thread, 'throw'),
  stops: (thread) => thread.do('stop'),
}

async function ended(thread: AttachedThread, job: string): Promise<void> {
  const exit = new Promise<void>((resolve) => thread.worker.once('exit', () => resolve()))
  thread.do(job).catch(() => {})
  await exit
}

describe('the leader', () => {
  it('that ends is followed by another, whose health checks go on; there is never more than one', async () => {
    const [endpoint] = await startEndpoints(1)
    const health = { http: { path: '/' }, interval: INTERVAL_MS, timeout: INTERVAL_MS, jitter: 0, fall: 1 }
    const began = performance.now()
    const owner = await owningThread(configOf({ endpoints: [endpoint.url], health }))
    const handle = await owner.do<BalancerHandle>('handle')
    let threads = [owner, ...(await attach({ handle }, 5))]
    expect(await leaders(threads)).toEqual([owner])
    // Asked of one that does not lead: the one that does runs them.
    await threads[3].do('start')
    const checksGoOn = async () => {
      const seen = endpoint.requests
      await until(() => endpoint.requests >= seen + 3)
    }
    await checksGoOn()
    // The owner's `stop` would stop it for all.
    let takeovers = 0
    for (const [_how, end] of [...Object.entries(ends)]) {
      const [leader] = await leaders(threads)
      await end(leader)
      takeovers++
      threads = threads.filter((thread) => thread !== leader)
      await until(async () => (await leaders(threads)).length === 1)
      await checksGoOn()
    }
    // A wait is never shorter than the interval, so that two checkers at once would have made more.
    const most = (performance.now() - began) / INTERVAL_MS + 2 * (takeovers + 1)
    expect(endpoint.requests).toBeLessThanOrEqual(most)
    // What it finds out all threads know.
    await endpoint.kill()
    for (const thread of threads) {
      await until(async () => {
        const stats = await thread.do<BalancerStats>('stats')
        return Object.values(stats.services.users.endpoints)[0].state === 'unhealthy'
      })
    }
  })

  it('knocks at endpoints that another thread has ejected, since nobody could connect', async () => {
    const [alive, dead] = await startEndpoints(2)
    await dead.kill()
    const owner = await owningThread(
      configOf({
        endpoints: [alive.url, dead.url],
        outlier: { baseConnectEjectionMs: 60_000, maxConnectEjectionMs: 60_000, reconnectMs: 50 },
      }),
    )
    const [one] = await attach({ handle: await owner.do<BalancerHandle>('handle') }, 1)
    while ((await one.do<BalancerStats>('stats')).services.users.endpoints[dead.url].state !== 'ejected')
      await one.do('fetch', 'http://users/')
    await dead.start()
    await until(async () => {
      const { services } = await owner.do<BalancerStats>('stats')
      return services.users.endpoints[dead.url].state === 'probing'
    })
  })

  it('that ends is followed as soon as its end is heard of, not only when it gives no sign', async () => {
    const owner = await owningThread(configOf())
    // Its clock stands still, so that it never finds anybody silent.
    const other = Balancer.attach(await owner.do<BalancerHandle>('handle'), new ManualTimers(0))
    onTestFinished(() => other.stop({ drainMs: 0 }))
    expect([other.leads, await owner.do('leads')]).toEqual([false, true])
    await owner.terminate()
    await until(() => other.leads)
  })

  it('whose loop is held for long is replaced; what it finds out too late it does not write', async () => {
    const [endpoint] = await startEndpoints(1)
    const { url } = endpoint
    await endpoint.kill()
    const [held, free] = [new ManualTimers(), new ManualTimers()]
    const health = { tcp: true, interval: 1000, fall: 1, jitter: 0 } as const
    const balancer = new Balancer(configOf({ endpoints: [url], health }), held)
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    const other = Balancer.attach(balancer.handle, free)
    onTestFinished(() => other.stop({ drainMs: 0 }))
    expect([balancer.leads, other.leads]).toEqual([true, false])
    await balancer.start()
    for (let i = 0; i < 4; i++) await free.advance(1000)
    expect([balancer.leads, other.leads]).toEqual([true, false])
    for (let i = 0; i < 2; i++) await free.advance(1000)
    expect([balancer.leads, other.leads]).toEqual([false, true])
    const events: string[] = []
    balancer.on('endpoint', ({ type }) => events.push(`late ${type}`))
    other.on('endpoint', ({ type }) => events.push(`leader ${type}`))
    // The check that fell due while the loop was held is made now, and fails.
    await held.advance(200)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(balancer.stats().services.users.endpoints[url].state).toBe('ready')
    await free.advance(200)
    await until(() => events.length > 0)
    expect(events).toEqual(['leader unhealthy'])
    // The late one notices with its next beat, and checks no more.
    await held.advance(1000)
    expect(held.pending).toBe(1)
  })
})
