/** What latency an endpoint has at a given load, and what a server says of its own. */
import { describe, expect, it } from 'vitest'
import { loadReportOf } from '../../lib/load/orca.js'
import { LatencyByLoad } from '../../lib/policy/latency-by-load.js'
import { LoadReporter } from '../../lib/policy/load-reporter.js'
import { seeded } from '../support/seeded.mjs'

describe('latency by load', () => {
  it('knows nothing at first', () => {
    expect(new LatencyByLoad().estimate(3, 0)).toBe(0)
  })

  it('is the median of the answers at about that load, not of all', () => {
    const latency = new LatencyByLoad()
    // A queue: 10 ms each, so a request behind n others takes 10 (n + 1).
    for (let i = 0; i < 32; i++) latency.add(i % 8, 10 * ((i % 8) + 1), i)
    expect(latency.estimate(0, 32)).toBe(10)
    expect(latency.estimate(4, 32)).toBe(50)
    expect(latency.estimate(7, 32)).toBe(80)
  })

  it('scales an answer from a higher load down, and none up', () => {
    const latency = new LatencyByLoad()
    latency.add(9, 100, 0)
    expect(latency.estimate(9, 1)).toBe(100)
    expect(latency.estimate(4, 1)).toBe(50)
    expect(latency.estimate(0, 1)).toBe(10)
    expect(latency.estimate(50, 1)).toBe(100)
  })

  it('forgets what is older than ten seconds, and more than 32 answers', () => {
    const latency = new LatencyByLoad()
    latency.add(0, 900, 0)
    expect(latency.estimate(0, 10_000)).toBe(900)
    expect(latency.estimate(0, 10_001)).toBe(0)
    for (let i = 0; i < 32; i++) latency.add(5, 7, 20_000)
    for (let i = 0; i < 27; i++) latency.add(0, 3, 20_001)
    expect(latency.estimate(5, 20_002)).toBe(7)
    for (let i = 0; i < 5; i++) latency.add(0, 3, 20_001)
    expect(latency.estimate(5, 20_002)).toBe(3)
  })

  it('is the median of the five nearest, the newer of equally near ones, for any answers', () => {
    const below = seeded(4)
    const latency = new LatencyByLoad()
    const all: { inFlight: number; ms: number }[] = []
    for (let i = 0; i < 500; i++) {
      const answer = { inFlight: below(12), ms: 1 + below(1_000) }
      all.push(answer)
      latency.add(answer.inFlight, answer.ms, i)
      const load = below(12)
      const nearest = all
        .slice(-32)
        .reverse()
        .map(({ inFlight, ms }) => ({
          distance: Math.abs(inFlight - load),
          ms: ms * Math.min(1, (load + 1) / (inFlight + 1)),
        }))
        .sort((a, b) => a.distance - b.distance)
        .slice(0, 5)
        .map(({ ms }) => ms)
        .sort((a, b) => a - b)
      expect(latency.estimate(load, i)).toBe(nearest[nearest.length >> 1])
    }
  })
})

describe('LoadReporter', () => {
  it('counts requests begun and not ended, each end once', () => {
    let now = 0
    const load = new LoadReporter(() => now)
    expect([load.inFlight, load.latencyMs]).toEqual([0, 0])
    const [first, second] = [load.begin(), load.begin()]
    expect(load.inFlight).toBe(2)
    now = 20
    first()
    first()
    expect(load.inFlight).toBe(1)
    now = 50
    second()
    expect(load.inFlight).toBe(0)
    // At no load: 20 ms as it was, 50 ms behind one other halved; of two the larger.
    expect(load.latencyMs).toBe(25)
  })

  it('expects no answer sooner than what waits unanswered', () => {
    let now = 0
    const load = new LoadReporter(() => now)
    const quick = load.begin()
    now = 5
    quick()
    const [first, second] = [load.begin(), load.begin()]
    now = 1_005
    expect(load.latencyMs).toBe(1_000)
    first()
    // It answers: that the second one still waits says nothing of the next.
    const byAnswers = load.latencyMs
    now = 2_000
    expect(load.latencyMs).toBe(byAnswers)
    load.begin()
    now = 9_000
    expect(load.latencyMs).toBe(7_000)
    second()
    expect(load.latencyMs).toBeLessThan(7_000)
  })

  it('says so in a header that prequal reads', () => {
    let now = 0
    const load = new LoadReporter(() => now)
    const end = load.begin()
    now = 12.3456
    end()
    load.begin()
    const report = loadReportOf(['endpoint-load-metrics', load.header])
    expect({ ...report?.named }).toEqual({ rif: 1, latency_ms: 12.346 })
  })
})
