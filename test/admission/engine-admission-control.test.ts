/** Admission control of a balancer: what it counts, whom it rejects, and how it tells. */
import { describe, expect, test } from 'vitest'
import { rejectionProbability } from '../../lib/admission/admission-control.js'
import { OverloadedError } from '../../lib/index.js'
import type { Outcome, ServiceConfig } from '../../lib/model/index.js'
import { answering, startEndpoints } from '../support/http-servers.js'
import { manualBalancer, named } from '../support/manual-balancer.js'

const WINDOW_MS = 30_000
const ENVOY = { threshold: 0.95, most: 0.8, aggression: 1 }
const ON: Partial<ServiceConfig> = { admissionControl: true, outlier: false }
const FAILED: Outcome = { ok: false, status: 500 }

function scene(service: Partial<ServiceConfig> = ON) {
  const made = manualBalancer(named('a', 'b'), service)
  const { balancer, users } = made
  /** Whether a request is let through; then it ends like this. */
  const ask = (outcome?: Outcome, priority?: number): boolean => {
    try {
      balancer.pick({ service: 'users', ...(priority !== undefined && { priority }) }).end(outcome)
      return true
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error
      return false
    }
  }
  const control = () => {
    const { admissionControl } = users()
    if (admissionControl === undefined) throw new Error('it is off')
    return admissionControl
  }
  /** Lets so many end, whatever is rejected in between. */
  const end = (count: number, outcome?: Outcome) => {
    for (let left = count, asked = 0; left > 0; asked++) {
      expect(asked).toBeLessThan(100 * count)
      if (ask(outcome)) left--
    }
  }
  return { ...made, ask, end, control }
}

/** The error of a request that is rejected. Nothing succeeds, so four of five are. */
function rejection({ balancer, end }: ReturnType<typeof scene>, priority = 1): OverloadedError {
  end(20, FAILED)
  for (let i = 0; i < 1_000; i++) {
    try {
      balancer.pick({ service: 'users', priority }).end(FAILED)
    } catch (error) {
      return error as OverloadedError
    }
  }
  throw new Error('nothing was rejected')
}

describe('admission control', () => {
  test.each([undefined, false])('is off by default: %s', (admissionControl) => {
    const { balancer, users } = manualBalancer(named('a'), {
      outlier: false,
      ...(admissionControl !== undefined && { admissionControl }),
    })
    for (let i = 0; i < 500; i++) balancer.pick('users').end(FAILED)
    expect(users()).toMatchObject({ failed: 500, overloaded: 0, admissionControl: undefined })
  })

  test('lets everything through while at least 95% end well', () => {
    const { ask, control, users } = scene()
    for (let i = 0; i < 2_000; i++) expect(ask(i % 20 === 19 ? FAILED : undefined)).toBe(true)
    expect(control()).toMatchObject({ successRate: 0.95, rejectionProbability: 0 })
    expect(users()).toMatchObject({ requests: 2_000, overloaded: 0 })
  })

  test('rejects the share of the formula, and says so in its statistics', () => {
    const { ask, control, users } = scene()
    let passed = 0
    const all = 20_000
    for (let i = 0; i < all; i++) if (ask(passed % 2 === 0 ? FAILED : undefined)) passed++
    const expected = rejectionProbability({ ended: passed, succeeded: passed >> 1 }, ENVOY)
    const { successRate, rejectionProbability: now, tiers } = control()
    expect(successRate).toBeCloseTo(0.5, 3)
    expect(now).toBeCloseTo(expected, 3)
    const rejected = all - passed
    // Six standard deviations.
    expect(Math.abs(rejected / all - expected)).toBeLessThan(6 * Math.sqrt((expected * (1 - expected)) / all))
    expect(tiers.map((tier) => tier.rejected)).toEqual([0, rejected, 0, 0])
    expect(users()).toMatchObject({ requests: passed, overloaded: rejected })
  })

  test('rejects the lowest tiers first, each up to 80% of it', () => {
    const { ask, control } = scene()
    const asked = [0, 0, 0, 0]
    const lost = [0, 0, 0, 0]
    // 10% of the requests, 40%, 30%, 20%.
    const tierOf = [0, 1, 1, 1, 1, 2, 2, 2, 3, 3]
    let passed = 0
    for (let i = 0; i < 20_000; i++) {
      const tier = tierOf[i % 10]
      const isIn = ask(passed % 2 === 0 ? FAILED : undefined, tier)
      if (isIn) passed++
      // From then on each tier has its share.
      if (i < 200) continue
      asked[tier]++
      if (!isIn) lost[tier]++
    }
    // 47.4% of all: 16% are of tier 3, 24% of tier 2, the rest of tier 1.
    const share = 1 - 0.5 / 0.95
    const expected = [0, (share - 0.8 * 0.5) / 0.4, 0.8, 0.8]
    expected.forEach((of, tier) => {
      const noise = 6 * Math.sqrt((of * (1 - of)) / asked[tier]) + 0.002
      expect(Math.abs(lost[tier] / asked[tier] - of)).toBeLessThan(noise)
      expect(control().tiers[tier].rejectionProbability).toBeCloseTo(of, 2)
    })
    expect(control().tiers[0].rejected).toBe(0)
  })

  test('a tier with room above it stays whole until all below it lose the most', () => {
    const { ask } = scene()
    let lost = 0
    for (let i = 0; i < 5_000; i++) {
      // Two thirds of the requests are of tier 3, so that 80% of them are more than is to be rejected.
      ask(i % 2 === 0 ? FAILED : undefined, 3)
      ask(i % 2 === 0 ? FAILED : undefined, 3)
      if (i > 20 && !ask(i % 2 === 0 ? FAILED : undefined, 2)) lost++
    }
    expect(lost).toBe(0)
  })

  test('is over when the window is', async () => {
    const { ask, end, control, machine } = scene()
    end(100, FAILED)
    expect(control()).toMatchObject({ successRate: 0, rejectionProbability: 0.8 })
    await machine.advance(WINDOW_MS)
    expect(control()).toMatchObject({ successRate: 1, rejectionProbability: 0 })
    for (let i = 0; i < 100; i++) expect(ask()).toBe(true)
  })

  test('waits for `rpsThreshold` requests a second', async () => {
    const { ask, control, machine } = scene({
      admissionControl: { rpsThreshold: 20 },
      outlier: false,
    })
    for (let i = 0; i < 10; i++) {
      for (let j = 0; j < 19; j++) expect(ask(FAILED)).toBe(true)
      await machine.advance(1_000)
    }
    expect(control()).toMatchObject({ successRate: 0, rejectionProbability: 0 })
    for (let i = 0; i < 100; i++) ask(FAILED)
    expect(control().rejectionProbability).toBe(0.8)
  })

  test('has the same chances with the same seed', () => {
    const run = () => {
      const { ask } = scene()
      return Array.from({ length: 300 }, (_, i) => ask(i % 2 === 0 ? FAILED : undefined))
    }
    expect(run()).toEqual(run())
  })

  test('can be changed, and switched off and on, while it runs; what was counted stays', async () => {
    const { balancer, ask, end, control, configOf, users } = scene()
    end(100, FAILED)
    await balancer.update(configOf(undefined, { ...ON, admissionControl: { maxRejectionProbability: 0 } }))
    for (let i = 0; i < 100; i++) expect(ask(FAILED)).toBe(true)
    await balancer.update(configOf(undefined, { ...ON, admissionControl: false }))
    expect(users().admissionControl).toBeUndefined()
    for (let i = 0; i < 100; i++) expect(ask(FAILED)).toBe(true)
    await balancer.update(configOf(undefined, ON))
    expect(control()).toMatchObject({ successRate: 0, rejectionProbability: 0.8 })
  })

  test('another service that gets the record begins with nothing', async () => {
    const { balancer, end } = scene()
    end(100, FAILED)
    await balancer.update({ services: {} })
    await balancer.update({ services: { next: { endpoints: ['http://c.test'], ...ON } } })
    expect(balancer.stats().services['next'].admissionControl).toEqual({
      successRate: 1,
      rejectionProbability: 0,
      tiers: Array.from({ length: 4 }, () => ({ rejectionProbability: 0, rejected: 0 })),
    })
  })
})

describe('a rejected request', () => {
  test('is told why, and when to come again: when a tenth of the window is another', () => {
    const error = rejection(scene())
    expect(error).toMatchObject({
      code: 'FAIRLEAD_OVERLOADED',
      service: 'users',
      retryAfterMs: WINDOW_MS / 10,
    })
    expect(error.message).toBe(
      'Service "users" is overloaded: admission control has rejected the request: 0.0% of those of the last 30 s ' +
        'succeeded, below 95%, so 80.0% of priority 1 are rejected',
    )
  })

  test('takes no place, and waits for none: the others do', async () => {
    const made = scene({ ...ON, limits: { maxRequests: 1 } })
    const { balancer, users, control } = made
    rejection(made)
    const before = users()
    const rejected = () => users().overloaded - before.overloaded
    for (let i = 0; users().inFlight === 0 && i < 1_000; i++) void balancer.acquire('users').catch(() => {})
    const asked = Array.from({ length: 60 }, () => balancer.acquire('users').catch((error) => error.code))
    const { queue, inFlight, requests } = users()
    expect([inFlight, requests - before.requests]).toEqual([1, 1])
    expect(queue.waiting).toBeGreaterThan(0)
    expect(control().tiers[1].rejected).toBe(users().overloaded)
    await balancer.stop({ drainMs: 0 })
    const codes = await Promise.all(asked)
    expect(codes.filter((code) => code === 'FAIRLEAD_OVERLOADED')).toHaveLength(60 - queue.waiting)
    expect(rejected()).toBeGreaterThanOrEqual(60 - queue.waiting)
  })

  test('of `acquire` and `fetch` likewise, once each', async () => {
    const [a] = await startEndpoints(1)
    a.handle = answering('sick', 500)
    const { balancer, users } = manualBalancer([a], ON)
    let rejected = 0
    const told = (error: unknown) => {
      expect(error).toMatchObject({ code: 'FAIRLEAD_OVERLOADED', message: /admission control/ })
      rejected++
    }
    for (let i = 0; i < 100; i++) {
      await balancer.acquire('users').then((lease) => lease.end(FAILED), told)
      await balancer.fetch('http://users/').then((response) => response.text(), told)
    }
    expect(rejected).toBeGreaterThan(100)
    const { admissionControl, overloaded, requests } = users()
    expect([admissionControl?.tiers[1].rejected, overloaded, requests]).toEqual([
      rejected,
      rejected,
      200 - rejected,
    ])
    expect(a.requests).toBeLessThan(100)
  })

  test.each([-1, 4, 0.5, Number.NaN])('a priority of %s is no tier', (priority) => {
    const { balancer } = scene()
    expect(() => balancer.pick({ service: 'users', priority })).toThrow(/^priority is /)
  })
})

describe('what counts', () => {
  const rateOf = (made: ReturnType<typeof scene>, outcomes: readonly (Outcome | 'left')[]): number => {
    for (const outcome of outcomes) {
      const lease = made.balancer.pick('users')
      if (outcome === 'left') lease[Symbol.dispose]()
      else lease.end(outcome)
    }
    return made.control().successRate
  }
  const mild: Partial<ServiceConfig> = { ...ON, admissionControl: { maxRejectionProbability: 0 } }

  test.each([
    ['5xx', { status: 500 }, 0.5],
    ['a gateway error', { status: 503 }, 0.5],
    ['no answer', { ok: false }, 0.5],
    ['an answer that is no good', { ok: false, status: 200 }, 0.5],
    ['4xx', { status: 404 }, 1],
    ['429, as in the other counts', { status: 429 }, 1],
    ['a caller who leaves: nothing', 'left', 1],
  ] as const)('%s', (_, outcome, rate) => {
    expect(rateOf(scene(mild), [{}, outcome])).toBe(rate)
  })

  test('a request that was tried again once, by how it ended', async () => {
    const [a, b] = await startEndpoints(2)
    a.handle = answering('sick', 503)
    const { balancer, machine, users } = manualBalancer([a, b], {
      ...mild,
      policy: 'round-robin',
      retry: { backoffBaseMs: 0 },
    })
    for (let i = 0; i < 10; i++) expect((await balancer.fetch('http://users/')).status).toBe(200)
    expect(users()).toMatchObject({ retried: a.requests, succeeded: 10 })
    expect(a.requests).toBeGreaterThan(0)
    expect(users().admissionControl?.successRate).toBe(1)
    b.handle = answering('sick', 503)
    await machine.advance(WINDOW_MS)
    for (let i = 0; i < 4; i++) expect((await balancer.fetch('http://users/')).status).toBe(503)
    b.handle = answering('b')
    await balancer.fetch('http://users/')
    expect(users().admissionControl?.successRate).toBe(1 / 5)
  })

  test('an answer whose body breaks has failed after all', async () => {
    const [a] = await startEndpoints(1)
    const { balancer, users } = manualBalancer([a], mild)
    await (await balancer.fetch('http://users/')).text()
    a.handle = (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half')
      setTimeout(() => response.destroy(), 20)
    }
    const response = await balancer.fetch('http://users/')
    expect(users().admissionControl?.successRate).toBe(1)
    await expect(response.text()).rejects.toThrow()
    expect(users()).toMatchObject({ succeeded: 1, failed: 1, admissionControl: { successRate: 0.5 } })
  })
})
