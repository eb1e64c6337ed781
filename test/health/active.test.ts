import { describe, expect, it } from 'vitest'
import {
  ActiveChecker,
  type ActiveCheckerOptions,
  MAX_CHECKS_UNDER_WAY,
} from '../../lib/health/active/active-checker.js'
import { type Check, type CheckResult, failedBy } from '../../lib/health/active/check.js'
import type { Endpoint } from '../../lib/model/index.js'
import { endpointAt } from '../support/health-servers.js'
import { ManualTimers } from '../support/manual-timers.js'

const OPTIONS: ActiveCheckerOptions = { interval: 2000, timeout: 1000, jitter: 0.1 }
const PASS: CheckResult = { ok: true, latencyMs: 3, detail: 'fine' }

/** Manual timers whose thread can be held: time passes, but no timer fires until `advance`. */
class HeldTimers extends ManualTimers {
  #heldMs = 0
  override now(): number {
    return super.now() + this.#heldMs
  }
  hold(ms: number): void {
    this.#heldMs += ms
  }
}

/** Numbers in [0, 1) that look random and are the same in every run. */
function sequence(): () => number {
  let state = 12345
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

interface Call {
  readonly id: string
  readonly at: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly settle: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

function setUp({
  options = OPTIONS,
  timers = new HeldTimers(),
  answer = 'at once' as 'at once' | 'by hand' | 'on abort',
} = {}) {
  const calls: Call[] = []
  const results: { id: string; result: CheckResult }[] = []
  const underWay = new Map<string, number>()
  let most = 0
  let mostOfOne = 0
  const check: Check = (endpoint, timeoutMs, signal) => {
    const of = (underWay.get(endpoint.id) ?? 0) + 1
    underWay.set(endpoint.id, of)
    mostOfOne = Math.max(mostOfOne, of)
    most = Math.max(
      most,
      [...underWay.values()].reduce((a, b) => a + b, 0),
    )
    return new Promise<unknown>((settle, reject) => {
      calls.push({ id: endpoint.id, at: timers.now(), timeoutMs, signal, settle, reject })
      if (answer === 'at once') settle(PASS)
      if (answer === 'on abort')
        signal.addEventListener('abort', () => settle({ ok: false, latencyMs: 1, detail: 'aborted' }))
    }).finally(() =>
      underWay.set(endpoint.id, (underWay.get(endpoint.id) as number) - 1),
    ) as Promise<CheckResult>
  }
  const checker = new ActiveChecker(options, check, timers, (endpoint, result) =>
    results.push({ id: endpoint.id, result }),
  )
  return { checker, timers, calls, results, peak: () => ({ most, mostOfOne }) }
}

const endpoints = (n: number): Endpoint[] =>
  Array.from({ length: n }, (_, i) => endpointAt(`http://10.0.0.1:${i + 1}`, `e${i}`))

describe('schedule', () => {
  it('checks every endpoint within 200 ms of the start, spread out', async () => {
    const { checker, timers, calls } = setUp({ timers: new HeldTimers(0, sequence()) })
    for (const endpoint of endpoints(50)) checker.add(endpoint)
    await timers.advance(1000)
    expect(calls).toHaveLength(0)
    checker.start()
    await timers.advance(200)
    expect(new Set(calls.map((call) => call.id)).size).toBe(50)
    expect(calls).toHaveLength(50)
    const times = calls.map((call) => call.at - 1000)
    expect(Math.min(...times)).toBeLessThan(40)
    expect(Math.max(...times)).toBeGreaterThan(160)
    await checker.stop()
  })

  it('spreads the first checks over one interval where that is below 200 ms', async () => {
    const { checker, timers, calls } = setUp({
      options: { interval: 50, timeout: 20, jitter: 0 },
      timers: new HeldTimers(0, () => 0.99),
    })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(49)
    expect(calls).toHaveLength(0)
    await timers.advance(1)
    expect(calls).toHaveLength(1)
    await checker.stop()
  })

  it('begins the next check one jittered interval after the last one began', async () => {
    const { checker, timers, calls } = setUp({ timers: new HeldTimers(0, sequence()) })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(1_000_000)
    const waits = calls.slice(1).map((call, i) => call.at - (calls[i] as Call).at)
    expect(waits.length).toBeGreaterThan(450)
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(1800)
      expect(wait).toBeLessThanOrEqual(2200)
    }
    expect(Math.min(...waits)).toBeLessThan(1850)
    expect(Math.max(...waits)).toBeGreaterThan(2150)
    expect(waits.reduce((a, b) => a + b) / waits.length).toBeCloseTo(2000, -2)
    await checker.stop()
  })

  it('counts the interval from where a slow check began, not from where it ended', async () => {
    const { checker, timers, calls } = setUp({ options: { ...OPTIONS, jitter: 0 }, answer: 'by hand' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    await timers.advance(900)
    calls[0]?.settle(PASS)
    await timers.advance(1099)
    expect(calls).toHaveLength(1)
    await timers.advance(1)
    expect(calls).toHaveLength(2)
    calls[1]?.settle(PASS)
    await checker.stop()
  })

  it('gives the check its time-out', async () => {
    const { checker, timers, calls } = setUp()
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(200)
    expect(calls[0]?.timeoutMs).toBe(1000)
    await checker.stop()
  })

  it('never has two checks of one endpoint, even where they take longer than the interval', async () => {
    const { checker, timers, calls, peak } = setUp({
      options: { interval: 100, timeout: 100, jitter: 0.5 },
      answer: 'on abort',
      timers: new HeldTimers(0, sequence()),
    })
    for (const endpoint of endpoints(5)) checker.add(endpoint)
    checker.start()
    await timers.advance(5000)
    expect(calls.length).toBeGreaterThan(100)
    expect(peak().mostOfOne).toBe(1)
    await checker.stop()
  })

  it('has at most 64 checks under way, and lets the others have their turn', async () => {
    const { checker, timers, calls, results, peak } = setUp({ answer: 'by hand' })
    for (const endpoint of endpoints(200)) checker.add(endpoint)
    checker.start()
    await timers.advance(200)
    expect(calls).toHaveLength(MAX_CHECKS_UNDER_WAY)
    for (let i = 0; i < 200; i++) {
      calls[i]?.settle(PASS)
      await timers.advance(0)
    }
    expect(new Set(results.map(({ id }) => id)).size).toBe(200)
    expect(peak().most).toBe(MAX_CHECKS_UNDER_WAY)
    await checker.stop()
  })

  it('takes other options at once, also for a wait that has begun', async () => {
    const { checker, timers, calls } = setUp({ options: { interval: 60_000, timeout: 1000, jitter: 0 } })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    expect(calls).toHaveLength(1)
    checker.replace({ interval: 500, timeout: 300, jitter: 0 })
    await timers.advance(500)
    expect(calls.map((call) => call.timeoutMs)).toEqual([1000, 300])
    await timers.advance(1000)
    expect(calls).toHaveLength(4)
    await checker.stop()
  })
})

describe('endpoints that come and go', () => {
  it('checks an endpoint that is added while running within 200 ms', async () => {
    const { checker, timers, calls } = setUp()
    checker.start()
    await timers.advance(5000)
    checker.add(endpointAt('http://10.0.0.1:1', 'late'))
    await timers.advance(200)
    expect(calls.map((call) => call.id)).toEqual(['late'])
    await checker.stop()
  })

  it('keeps the loop of an endpoint that is added again with other properties', async () => {
    const { checker, timers } = setUp({ options: { ...OPTIONS, jitter: 0 } })
    const seen: number[] = []
    const again = new ActiveChecker(
      { ...OPTIONS, jitter: 0 },
      async () => PASS,
      timers,
      (endpoint) => seen.push(endpoint.weight),
    )
    const endpoint = endpointAt('http://10.0.0.1:1')
    again.add(endpoint)
    again.start()
    await timers.advance(200)
    again.add({ ...endpoint, weight: 5 })
    await timers.advance(1800)
    expect(seen).toEqual([1])
    await timers.advance(200)
    expect(seen).toEqual([1, 5])
    await again.stop()
    await checker.stop()
  })

  it('starts anew where the id has another URL, and drops the old result', async () => {
    const { checker, timers, calls, results } = setUp({ answer: 'by hand' })
    checker.add(endpointAt('http://10.0.0.1:1', 'a'))
    checker.start()
    await timers.advance(200)
    checker.add(endpointAt('http://10.0.0.2:1', 'a'))
    expect(calls[0]?.signal.aborted).toBe(true)
    calls[0]?.settle(PASS)
    await timers.advance(200)
    expect(calls).toHaveLength(2)
    expect(results).toHaveLength(0)
    calls[1]?.settle(PASS)
    await checker.stop()
  })

  it('aborts the check of a removed endpoint and drops its late result', async () => {
    const { checker, timers, calls, results } = setUp({ answer: 'by hand' })
    checker.add(endpointAt('http://10.0.0.1:1', 'a'))
    checker.start()
    await timers.advance(200)
    checker.remove('a')
    checker.remove('unknown')
    expect(calls[0]?.signal.aborted).toBe(true)
    calls[0]?.settle(PASS)
    await timers.advance(10_000)
    expect(results).toEqual([])
    expect(calls).toHaveLength(1)
    expect(timers.pending).toBe(0)
    await checker.stop()
  })

  it('gives the place of a removed endpoint to one that waits', async () => {
    const { checker, timers, calls } = setUp({ answer: 'by hand' })
    for (const endpoint of endpoints(65)) checker.add(endpoint)
    checker.start()
    await timers.advance(200)
    expect(calls).toHaveLength(64)
    checker.remove((calls[0] as Call).id)
    expect(calls).toHaveLength(65)
    for (const call of calls) call.settle(PASS)
    await checker.stop()
  })
})

describe('stop', () => {
  it('leaves no timer, in whatever state the loops are', async () => {
    const { checker, timers, calls } = setUp({ answer: 'on abort' })
    for (const endpoint of endpoints(100)) checker.add(endpoint)
    checker.start()
    await timers.advance(150)
    expect(calls.length).toBeGreaterThan(0)
    expect(timers.pending).toBeGreaterThan(0)
    await checker.stop()
    expect(timers.pending).toBe(0)
    expect(calls.every((call) => call.signal.aborted)).toBe(true)
  })

  it('waits for the checks under way and drops their results', async () => {
    const { checker, timers, calls, results } = setUp({ answer: 'by hand' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(200)
    let stopped = false
    const stopping = checker.stop().then(() => {
      stopped = true
    })
    await timers.advance(500)
    expect(stopped).toBe(false)
    calls[0]?.settle(PASS)
    await stopping
    expect(results).toEqual([])
    expect(timers.pending).toBe(0)
  })

  it('does not wait for ever for a check that ignores its signal', async () => {
    const { checker, timers } = setUp({ answer: 'by hand' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(200)
    const stopping = checker.stop()
    await timers.advance(1000)
    await stopping
    expect(timers.pending).toBe(0)
  })

  it('can be followed by start, with the same endpoints', async () => {
    const { checker, timers, calls } = setUp()
    for (const endpoint of endpoints(3)) checker.add(endpoint)
    checker.start()
    checker.start()
    await timers.advance(200)
    await checker.stop()
    await checker.stop()
    await timers.advance(10_000)
    expect(calls).toHaveLength(3)
    checker.start()
    await timers.advance(200)
    expect(calls.map((call) => call.id).sort()).toEqual(['e0', 'e0', 'e1', 'e1', 'e2', 'e2'])
    await checker.stop()
    expect(timers.pending).toBe(0)
  })
})

describe('results', () => {
  const resultOf = async (check: Check): Promise<CheckResult[]> => {
    const timers = new HeldTimers()
    const results: CheckResult[] = []
    const checker = new ActiveChecker(OPTIONS, check, timers, (_endpoint, result) => results.push(result))
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(1500)
    await Promise.all([checker.stop(), timers.advance(1000)])
    return results
  }

  it('hands on what the check says', async () => {
    expect(await resultOf(async () => PASS)).toEqual([PASS])
    const failing = { ok: false, latencyMs: 7, detail: 'answered 503' }
    expect(await resultOf(async () => failing)).toEqual([failing])
  })

  it('counts an exception as a failing check with its message', async () => {
    const thrown = { ok: false, latencyMs: 0, detail: 'no such table' }
    expect(await resultOf(() => Promise.reject(new Error('no such table')))).toEqual([thrown])
    const check = (): never => {
      throw new Error('no such table')
    }
    expect(await resultOf(check)).toEqual([thrown])
    expect(await resultOf(() => Promise.reject('a bare string'))).toEqual([
      { ok: false, latencyMs: 0, detail: 'a bare string' },
    ])
  })

  it.each([
    [undefined, 'the check function resolved to undefined; it must resolve to { ok, latencyMs, detail }'],
    [true, 'the check function resolved to true; it must resolve to { ok, latencyMs, detail }'],
    [null, 'the check function resolved to null; it must resolve to { ok, latencyMs, detail }'],
    [
      { ok: 'yes' },
      'the check function resolved to an object without a boolean "ok"; it must resolve to { ok, latencyMs, detail }',
    ],
  ])('counts a result of the wrong shape (%j) as failing and says so', async (value, detail) => {
    expect(await resultOf(async () => value as unknown as CheckResult)).toEqual([
      { ok: false, latencyMs: 0, detail },
    ])
  })

  it('measures the latency itself where the check gives none', async () => {
    expect(await resultOf(async () => ({ ok: true }) as CheckResult)).toEqual([
      { ok: true, latencyMs: 0, detail: '' },
    ])
  })

  it('ends a check that does not settle within its time-out and 100 ms', async () => {
    const { checker, timers, calls, results } = setUp({ answer: 'on abort' })
    checker.add(endpointAt('http://10.0.0.1:1', 'a'))
    checker.start()
    await timers.advance(100)
    await timers.advance(1099)
    expect(results).toEqual([])
    await timers.advance(1)
    expect(results).toEqual([
      { id: 'a', result: { ok: false, latencyMs: 1100, detail: 'no result within 1,000 ms' } },
    ])
    expect(calls[0]?.signal.aborted).toBe(true)
    await timers.advance(500)
    expect(results).toHaveLength(1)
    await checker.stop()
  })

  it('goes on counting failures, without a second call, while a check ignores its signal', async () => {
    const { checker, timers, calls, results } = setUp({
      options: { ...OPTIONS, jitter: 0 },
      answer: 'by hand',
    })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(8100)
    expect(calls).toHaveLength(1)
    expect(results.map(({ result }) => result.detail)).toEqual([
      'no result within 1,000 ms',
      'the check function has not settled for 4,000 ms, though its signal was aborted',
      'the check function has not settled for 6,000 ms, though its signal was aborted',
      'the check function has not settled for 8,000 ms, though its signal was aborted',
    ])
    calls[0]?.settle(PASS)
    await timers.advance(0)
    expect(calls).toHaveLength(2)
    calls[1]?.settle(PASS)
    await timers.advance(0)
    expect(results.at(-1)?.result).toEqual(PASS)
    await timers.advance(2000)
    expect(calls).toHaveLength(3)
    calls[2]?.settle(PASS)
    await checker.stop()
  })

  it('gives an aborted check time to clean up: a round that falls due meanwhile waits for it', async () => {
    const { checker, timers, calls, results } = setUp({
      options: { interval: 1000, timeout: 1000, jitter: 0 },
      answer: 'by hand',
    })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(1250)
    expect([calls.length, results.length]).toEqual([1, 1])
    calls[0]?.settle({ ok: false, latencyMs: 1, detail: 'too late to count' })
    await timers.advance(0)
    expect(calls).toHaveLength(2)
    calls[1]?.settle(PASS)
    await timers.advance(999)
    expect(calls).toHaveLength(2)
    await timers.advance(1)
    expect(calls).toHaveLength(3)
    calls[2]?.settle(PASS)
    await timers.advance(0)
    expect(results.map(({ result }) => result.detail)).toEqual(['no result within 1,000 ms', 'fine', 'fine'])
    await checker.stop()
  })

  it('does not let hanging checks take the place of others', async () => {
    const timers = new HeldTimers()
    const passed = new Set<string>()
    const check: Check = (endpoint) =>
      Number(endpoint.id.slice(1)) < 64 ? new Promise(() => {}) : Promise.resolve(PASS)
    const checker = new ActiveChecker(
      OPTIONS,
      check,
      timers,
      (endpoint, result) => result.ok && passed.add(endpoint.id),
    )
    for (const endpoint of endpoints(70)) checker.add(endpoint)
    checker.start()
    await timers.advance(1200)
    expect([...passed].sort()).toEqual(['e64', 'e65', 'e66', 'e67', 'e68', 'e69'])
    await Promise.all([checker.stop(), timers.advance(1000)])
  })

  it('goes on when onResult throws, and does not take that for a failing check', async () => {
    const timers = new HeldTimers()
    const uncaught: unknown[] = []
    const listener = (error: unknown): unknown => uncaught.push(error)
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener)
    try {
      const results: CheckResult[] = []
      const checker = new ActiveChecker(
        { ...OPTIONS, jitter: 0 },
        async () => PASS,
        timers,
        (_endpoint, result) => {
          results.push(result)
          throw new Error('a fault of the caller')
        },
      )
      checker.add(endpointAt('http://10.0.0.1:1'))
      checker.start()
      await timers.advance(2200)
      expect(results).toEqual([PASS, PASS])
      expect(uncaught).toHaveLength(2)
      await checker.stop()
    } finally {
      process.removeListener('unhandledRejection', listener)
      for (const other of others) process.on('unhandledRejection', other)
    }
  })
})

describe('a held event loop', () => {
  it('throws the failures of the round away', async () => {
    const { checker, timers, results } = setUp({ answer: 'on abort' })
    for (const endpoint of endpoints(20)) checker.add(endpoint)
    checker.start()
    await timers.advance(200)
    timers.hold(2500)
    await timers.advance(1000)
    expect(results).toHaveLength(20)
    expect(results.filter(({ result }) => result.discarded === true && !result.ok)).toHaveLength(20)
    await checker.stop()
  })

  it('throws them away too when it was held for only a little longer than the time-out', async () => {
    const { checker, timers, results } = setUp({ answer: 'on abort' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    timers.hold(1010)
    await timers.advance(1100)
    expect(results.map(({ result }) => result.discarded)).toEqual([true])
    await checker.stop()
  })

  it('counts many short holds together', async () => {
    const { checker, timers, results } = setUp({ answer: 'on abort' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    for (let i = 0; i < 8; i++) {
      timers.hold(125)
      await timers.advance(125)
    }
    await timers.advance(100)
    expect(results.map(({ result }) => result.discarded)).toEqual([true])
    await checker.stop()
  })

  it('keeps failures that a short hold cannot explain', async () => {
    const { checker, timers, results } = setUp({ answer: 'on abort' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    timers.hold(300)
    await timers.advance(1100)
    expect(results.map(({ result }) => [result.ok, result.discarded])).toEqual([[false, undefined]])
    await checker.stop()
  })

  it('keeps what passes', async () => {
    const { checker, timers, calls, results } = setUp({ answer: 'by hand' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    timers.hold(5000)
    calls[0]?.settle(PASS)
    await timers.advance(0)
    expect(results.map(({ result }) => result)).toEqual([PASS])
    for (const call of calls) call.settle(PASS)
    await checker.stop()
  })

  it('trusts the failures of the next round again', async () => {
    const { checker, timers, results } = setUp({ options: { ...OPTIONS, jitter: 0 }, answer: 'on abort' })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    timers.hold(9000)
    await timers.advance(2500)
    expect(results.map(({ result }) => [result.ok, result.discarded])).toEqual([
      [false, true],
      [false, undefined],
    ])
    await checker.stop()
  })

  it('does not mistake the time between two checks for a hold', async () => {
    const { checker, timers, calls, results } = setUp({
      options: { ...OPTIONS, jitter: 0 },
      answer: 'by hand',
    })
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(100)
    calls[0]?.settle(PASS)
    await timers.advance(1000)
    timers.hold(5000)
    await timers.advance(1000)
    expect(calls).toHaveLength(2)
    calls[1]?.settle({ ok: false, latencyMs: 1, detail: 'answered 503' })
    await timers.advance(0)
    expect(results.at(-1)?.result.discarded).toBeUndefined()
    await checker.stop()
  })

  it('takes no timer while no check is under way', async () => {
    const { checker, timers } = setUp()
    checker.add(endpointAt('http://10.0.0.1:1'))
    checker.start()
    await timers.advance(1000)
    // The wait for the next check.
    expect(timers.pending).toBe(1)
    await checker.stop()
  })
})

describe('a check that fails because this process cannot connect', () => {
  const failure = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

  it.each([
    ['EMFILE', true],
    ['ENFILE', true],
    ['EADDRNOTAVAIL', true],
    ['ENOBUFS', true],
    ['ECONNREFUSED', undefined],
    ['ETIMEDOUT', undefined],
  ])('%s: discarded is %s', async (code, discarded) => {
    expect(failedBy(failure(code), 3).discarded).toBe(discarded)
    expect(failedBy(new AggregateError([failure(code)]), 3).discarded).toBe(discarded)
    const { checker, calls, results, timers } = setUp({ answer: 'by hand' })
    checker.add(endpointAt('http://a.test:80'))
    checker.start()
    await timers.advance(300)
    calls[0].settle(failedBy(failure(code), 3))
    await timers.advance(1)
    expect(results.map(({ result }) => [result.ok, result.discarded])).toEqual([[false, discarded]])
    await checker.stop()
  })
})
