import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CLIENT_KINDS } from '../../lib/cli/demo/messages.js'
import type { OverloadResults } from '../../lib/cli/demo/overload/run.js'
import { CAPACITY, overloadPlan } from '../../lib/cli/demo/overload/script.js'
import { OverloadTally } from '../../lib/cli/demo/overload/tally.js'
import { plannedRequests } from '../../lib/cli/demo/script.js'
import { runCli, startCli } from './cli-process.js'
import { until } from './proxy-fixtures.js'

const PLAN = { seed: 7, rate: 400, durationMs: 60_000 }
/** 30 s where nothing else runs. */
const DEMO_LIMIT_MS = 240_000
/** Both clients run at once, each with three servers. */
const PROCESSES = 8

describe("the demonstration's load", () => {
  const requests = [...plannedRequests(PLAN)]

  it('is the same for the same seed, and another for another', () => {
    expect([...plannedRequests(PLAN)]).toEqual(requests)
    expect([...plannedRequests({ ...PLAN, seed: 8 })]).not.toEqual(requests)
  })

  it('is Poisson: exponential gaps at the rate that was asked for', () => {
    const gaps = requests.map(({ dueMs }, i) => dueMs - (requests[i - 1]?.dueMs ?? 0))
    const mean = gaps.reduce((a, b) => a + b) / gaps.length
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    // 24,000 gaps: the standard error of both is below 1%.
    expect(mean).toBeCloseTo(1000 / PLAN.rate, 1)
    expect(deviation / mean).toBeGreaterThan(0.95)
    expect(deviation / mean).toBeLessThan(1.05)
    expect(Math.max(...requests.map(({ dueMs }) => dueMs))).toBeLessThan(PLAN.durationMs)
  })

  it('is mostly GETs, of work around 1', () => {
    const gets = requests.filter(({ method }) => method === 'GET').length
    expect(gets / requests.length).toBeGreaterThan(0.93)
    expect(gets).toBeLessThan(requests.length)
    const works = requests.map(({ work }) => work).sort((a, b) => a - b)
    expect(works[works.length >> 1]).toBeCloseTo(1, 1)
  })
})

describe('the overload', () => {
  const plan = overloadPlan(7)
  const requests = [...plannedRequests(plan)]

  it('is twice what the servers can serve', () => {
    expect(CAPACITY).toBeCloseTo(60, 6)
    expect(plan.rate).toBeCloseTo(2 * CAPACITY, 6)
    const judged = requests.filter(({ dueMs }) => dueMs >= plan.judgedFromMs).length
    const expected = (plan.rate * (plan.durationMs - plan.judgedFromMs)) / 1000
    // Four standard errors of a Poisson count; the seed is fixed.
    expect(Math.abs(judged - expected)).toBeLessThan(4 * Math.sqrt(expected))
  })

  it('counts each request once, by when it was due, and late answers as none', () => {
    const tally = new OverloadTally(plan)
    const overloaded = Object.assign(new Error('full'), { code: 'FAIRLEAD_OVERLOADED' })
    const from = plan.judgedFromMs
    for (const dueMs of [0, from, from, from, from, from]) tally.sent(dueMs, 0.5)
    tally.answered(0, 10)
    tally.answered(from, 250)
    tally.answered(from, 1001)
    tally.failed(from, 5, overloaded, false)
    tally.failed(from, 1000, new Error('aborted'), true)
    tally.failed(from, 3, Object.assign(new Error('reset'), { code: 'ECONNRESET' }), false)
    const { findingOut, judged, latencyMs, refusedAfterMs, errorsByCode } = tally.result('fairlead')
    expect(findingOut).toMatchObject({ requests: 1, inTime: 1, refused: 0, gaveUp: 0, failed: 0 })
    expect(judged).toMatchObject({ requests: 5, inTime: 1, refused: 1, gaveUp: 2, failed: 1 })
    // One answer, where the servers could give 60 a second for 14 s.
    expect(judged.goodput).toBeCloseTo(1 / (60 * 14), 6)
    expect(latencyMs.p99).toBeCloseTo(250, 0)
    expect(refusedAfterMs.p50).toBeCloseTo(5, 1)
    expect(errorsByCode).toEqual({ ECONNRESET: 1 })
    expect(tally.progress().outcomes).toEqual({ requests: 6, inTime: 2, refused: 1, gaveUp: 2, failed: 1 })
  })

  it('has no latency where nothing was answered', () => {
    const { latencyMs, judged } = new OverloadTally(plan).result('balanced-pool')
    expect(latencyMs).toEqual({ p50: null, p99: null })
    expect(judged.goodput).toBe(0)
  })
})

/** Processes whose parent is `pid`. Linux only. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ')[1] === String(pid)
      } catch {
        return false
      }
    })
    .map(Number)
}

const isAlive = (pid: number): boolean => {
  try {
    // A process that has ended and is not yet reaped has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

/** What holds on a machine however busy: both got the same requests, and each request has one end. */
function expectOverload(overload: { clients: OverloadResults }): void {
  const plan = overloadPlan(1)
  expect(overload).toMatchObject({
    ...plan,
    capacity: CAPACITY,
    patienceMs: 1000,
    server: { workers: 2, meanMs: 100, noticesAborts: false },
  })
  const planned = [...plannedRequests(plan)]
  const early = planned.filter(({ dueMs }) => dueMs < plan.judgedFromMs).length
  for (const kind of CLIENT_KINDS) {
    const { findingOut, judged, latencyMs } = overload.clients[kind]
    expect(findingOut.requests).toBe(early)
    expect(judged.requests).toBe(planned.length - early)
    for (const { requests, inTime, refused, gaveUp, failed, goodput } of [findingOut, judged]) {
      expect(inTime + refused + gaveUp + failed).toBe(requests)
      // Servers with more workers than they should have would answer twice as much.
      expect(goodput).toBeGreaterThanOrEqual(0)
      expect(goodput).toBeLessThan(1.5)
    }
    expect(latencyMs.p99 === null).toBe(judged.inTime === 0)
  }
  expect(overload.clients['balanced-pool'].judged.refused).toBe(0)
  const { fairlead } = overload.clients
  // It refuses where it has no place, and answers most of the others in time; how many depends on the machine.
  expect(fairlead.findingOut.refused + fairlead.judged.refused).toBeGreaterThan(0)
  expect(fairlead.findingOut.inTime + fairlead.judged.inTime).toBeGreaterThan(0)
}

describe('fairlead demo', { timeout: DEMO_LIMIT_MS }, () => {
  // Fewer requests than by default: eight processes beside those of other tests.
  it('runs both loads at once, and fairlead loses nothing that it should save', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--duration', '4', '--rate', '100', '--json'])
    const report = JSON.parse(stdout)
    expect({ code, ok: report.ok }, stderr).toEqual({ code: 0, ok: true })
    expect(['native', 'fallback']).toContain(report.engine.kind)
    const plan = { seed: 1, rate: 100, durationMs: 4000 }
    expect(report).toMatchObject(plan)
    const planned = [...plannedRequests(plan)].length
    for (const kind of ['balanced-pool', 'fairlead']) {
      const load = report.clients[kind]
      expect(load.requests).toBe(planned)
      expect(load.answered + load.errors).toBe(planned)
      expect(load.latencyMs.p50).toBeGreaterThan(0)
      expect(load.latencyMs.p99).toBeGreaterThanOrEqual(load.latencyMs.p50)
      const endpoints = Object.values<{ tries: number; answered: number; triesByPhase: object }>(
        load.endpoints,
      )
      expect(endpoints).toHaveLength(3)
      for (const { tries, answered, triesByPhase } of endpoints) {
        expect(answered).toBeGreaterThan(0)
        expect(tries).toBe(Object.values(triesByPhase).reduce((a, b) => a + b, 0))
      }
      expect(endpoints.reduce((sum, { answered }) => sum + answered, 0)).toBe(load.answered)
    }
    expect(report.clients.fairlead.idempotentErrors).toBe(0)
    expectOverload(report.overload)
  })

  it('prints lines where there is no terminal, and a closing table', async () => {
    const { code, stdout, stderr } = await runCli([
      'demo',
      '--duration',
      '4',
      '--rate',
      '100',
      '--source',
      'dns',
    ])
    expect(code, stderr).toBe(0)
    expect(stdout).not.toContain('\u001b')
    for (const text of [
      "100 requests/s for 4.0 s through undici's BalancedPool and, at the same times, through fairlead (",
      '>> B turns 100 times slower',
      '>> A is killed',
      'p99.9 ms',
      'while A was dead',
      'All servers are well: 120 requests/s, 2 times what they can serve, by callers who give up after 1.0 s, for 21.0 s',
      'what was due from 7.0 s to 21.0 s:',
      'of capacity',
    ]) {
      expect(stdout).toContain(text)
    }
    for (const name of ['BalancedPool', 'fairlead'])
      expect(stdout).toMatch(new RegExp(`^ +[\\d.]+ s  ${name} +\\d+ answers/s, A \\d+%`, 'm'))
    expect(stdout).toMatch(
      /^While B was slow, BalancedPool sent it [\d.]+% of the tries and fairlead [\d.]+%:/m,
    )
    for (const name of ['BalancedPool', 'fairlead'])
      expect(stdout).toMatch(new RegExp(`^ +[\\d.]+ s  ${name} +\\d+ of 60 answers/s in time; `, 'm'))
    expect(stdout).toMatch(
      /^Of what the servers could serve, \d+% was answered in time with BalancedPool, \d+% with fairlead\.$/m,
    )
    expect(stdout).toMatch(/^BalancedPool lost \d+ requests?, fairlead \d+/m)
  })

  it.skipIf(process.platform !== 'linux')('takes its processes with it on Ctrl-C', async () => {
    const demo = startCli(['demo', '--duration', '20', '--rate', '100'])
    await demo.printed('answers/s')
    const children = childrenOf(demo.pid)
    expect(children).toHaveLength(PROCESSES)
    demo.child.kill('SIGINT')
    expect(await demo.finished).toMatchObject({ code: 130, stderr: '' })
    await until(() => !children.some(isAlive))
  })

  it.skipIf(process.platform !== 'linux')('leaves no process behind when it is killed', async () => {
    const demo = startCli(['demo', '--duration', '20', '--rate', '100'])
    await demo.printed('answers/s')
    const children = childrenOf(demo.pid)
    expect(children).toHaveLength(PROCESSES)
    demo.child.kill('SIGKILL')
    await until(() => !children.some(isAlive))
  })
})
