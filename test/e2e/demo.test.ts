import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { plannedRequests } from '../../lib/cli/demo/script.js'
import { runCli, startCli } from './cli-process.js'
import { until } from './proxy-fixtures.js'

const PLAN = { seed: 7, rate: 400, durationMs: 60_000 }
const DEMO_LIMIT_MS = 120_000
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
  })

  it('prints lines where there is no terminal, and a closing table', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--duration', '4', '--rate', '100'])
    expect(code, stderr).toBe(0)
    expect(stdout).not.toContain('\u001b')
    for (const text of [
      "100 requests/s for 4.0 s through undici's BalancedPool and, at the same times, through fairlead (",
      '>> B turns 100 times slower',
      '>> A is killed',
      'p99.9 ms',
      'while A was dead',
    ]) {
      expect(stdout).toContain(text)
    }
    for (const name of ['BalancedPool', 'fairlead'])
      expect(stdout).toMatch(new RegExp(`^ +[\\d.]+ s  ${name} +\\d+ answers/s, A \\d+%`, 'm'))
    expect(stdout).toMatch(
      /^While B was slow, BalancedPool sent it [\d.]+% of the tries and fairlead [\d.]+%:/m,
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
