import { describe, expect, it } from 'vitest'
import { BalancerCore } from '../../lib/balancer/balancer.js'
import { ServiceHandle } from '../../lib/balancer/service-handle.js'
import { HEADER } from '../../lib/engine/layout.js'
import { HEALTH } from '../../lib/health/filter.js'
import { monotonicNow } from '../../lib/runtime/clock.js'
import { ManualTimers } from '../support/manual-timers.js'

const WINDOW_MS = 60_000
const OTHERS = 9

/** Ten endpoints that have long been in service, with the time of the balancer and of its timers in the test's hands. */
function setUp() {
  // The endpoints begin at the system's time, the manual one goes on from there.
  const timers = new ManualTimers(monotonicNow())
  const endpoints = Array.from({ length: OTHERS + 1 }, (_, i) => ({ url: `http://e${i}.test`, id: `e${i}` }))
  const balancer = new BalancerCore(
    {
      seed: 4,
      services: {
        users: {
          endpoints,
          policy: 'random',
          slowStart: { windowMs: WINDOW_MS },
          outlier: { maxEjectionPercent: 50 },
        },
      },
    },
    timers,
  )
  const { root } = balancer.handle
  const words = new Int32Array(root)
  const setNow = (ms: number) => {
    new Float64Array(root, HEADER.MANUAL_NOW * 4, 1)[0] = ms
  }
  const advance = async (ms: number) => {
    await timers.advance(ms)
    setNow(timers.now())
  }
  setNow(timers.now())
  words[HEADER.CLOCK_MODE] = 1
  const service = balancer.known('users')
  const users = new ServiceHandle(balancer.services, service)
  const share = (id: string) => {
    const picks = 20_000
    let count = 0
    for (let i = 0; i < picks; i++) {
      const lease = balancer.pick('users')
      if (lease.endpoint.id === id) count++
      lease[Symbol.dispose]()
    }
    return count / picks
  }
  return { balancer, service, users, share, advance }
}

/** Of an endpoint whose factor is this among nine that have theirs whole. */
const due = (factor: number) => factor / (OTHERS + factor)

describe('slow start begins', () => {
  const begins = {
    'when an endpoint was added': async ({ users, advance }) => {
      await advance(10 * WINDOW_MS)
      users.remove('e0')
      users.add({ url: 'http://e0.test', id: 'e0' })
    },
    'when it has recovered from failed checks': async ({ service, advance }) => {
      const [member] = service.members
      const result = { ok: false, run: -2, score: 0, changed: true }
      service.checked(member, { ...result, health: HEALTH.UNHEALTHY }, 'a check failed')
      await advance(10 * WINDOW_MS)
      service.checked(member, { ...result, ok: true, run: 2, health: HEALTH.HEALTHY }, 'a check passed')
    },
    'when it was ejected and its probe has succeeded': async ({ balancer, users, advance }) => {
      for (let failures = 0; failures < 5; ) {
        const lease = balancer.pick('users')
        const isIt = lease.endpoint.id === 'e0'
        lease.end({ ok: !isIt, ...(isIt ? { status: 500 } : {}) })
        if (isIt) failures++
      }
      expect(balancer.stats().services.users.endpoints.e0.state).toBe('ejected')
      await advance(10 * WINDOW_MS)
      const probe = balancer.pick('users')
      expect(probe.endpoint.id).toBe('e0')
      probe.end({ ok: true })
      expect(users.endpoints.length).toBe(10)
    },
    'when the operator makes it ready again': async ({ users, advance }) => {
      users.set('e0', { state: 'maint' })
      await advance(10 * WINDOW_MS)
      users.set('e0', { state: 'ready' })
    },
  } satisfies Record<string, (all: ReturnType<typeof setUp>) => Promise<void>>

  it.each(Object.entries(begins))('%s, and goes on by itself', async (_, begin) => {
    const all = setUp()
    await begin(all)
    expect(Math.abs(all.share('e0') - due(0.1))).toBeLessThan(0.004)
    await all.advance(WINDOW_MS / 2)
    expect(Math.abs(all.share('e0') - due(0.5))).toBeLessThan(0.008)
    await all.advance(WINDOW_MS / 2)
    expect(Math.abs(all.share('e0') - due(1))).toBeLessThan(0.01)
    await all.balancer.stop()
  })

  it('not with the first check, nor with another weight', async () => {
    const { balancer, service, users, share, advance } = setUp()
    await advance(10 * WINDOW_MS)
    const result = { ok: true, health: HEALTH.HEALTHY, run: 1, score: 1, changed: true }
    service.checked(service.members[0], result, 'its first check passed')
    users.set('e0', { weight: 1 })
    expect(Math.abs(share('e0') - due(1))).toBeLessThan(0.01)
    await balancer.stop()
  })
})
