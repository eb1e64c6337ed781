/** Load reports: how they are read, what weight they make, when it counts. */
import { describe, expect, it } from 'vitest'
import { OUTCOME } from '../../lib/engine/layout.js'
import { loadReportOf, parseLoadReport } from '../../lib/load/orca.js'
import { ReportedWeights, weightOf } from '../../lib/policy/reported-weights.js'
import { ManualTimers } from '../support/manual-timers.js'
import { admitAll, endpoint, manualState, open, setNow, viewOf } from '../support/state.js'

const FULL = {
  cpuUtilization: 0.3,
  applicationUtilization: 0.5,
  rps: 120,
  eps: 1.5,
  named: { rif: 4, latency_ms: 12.5 },
}

/** A field of a protocol buffer message: a double, or a length and bytes. */
const double = (field: number, value: number): Buffer => {
  const bytes = Buffer.alloc(9)
  bytes[0] = (field << 3) | 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}
const bytesField = (field: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), value])
const named = (name: string, value: number): Buffer =>
  bytesField(8, Buffer.concat([bytesField(1, Buffer.from(name)), double(2, value)]))
const MESSAGE = Buffer.concat([
  double(1, 0.3),
  double(2, 0.9),
  Buffer.from([3 << 3, 0x96, 0x01]),
  double(6, 120),
  double(7, 1.5),
  named('rif', 4),
  named('latency_ms', 12.5),
  double(9, 0.5),
])
const BASE64 = MESSAGE.toString('base64')
const TEXT =
  'cpu_utilization=0.3, application_utilization=0.5,rps_fractional=120,eps=1.5,named_metrics.rif=4,named_metrics.latency_ms=12.5'

describe('a load report', () => {
  it.each([
    ['text', `TEXT ${TEXT}`],
    ['text without its format', TEXT],
    [
      'JSON',
      `JSON {"cpu_utilization": 0.3, "application_utilization": 0.5, "rps_fractional": 120, "eps": 1.5, "mem_utilization": 1, "named_metrics": {"rif": 4, "latency_ms": 12.5}}`,
    ],
    [
      'JSON of protobuf’s names',
      `{"cpuUtilization": 0.3, "applicationUtilization": 0.5, "rpsFractional": 120, "eps": 1.5, "namedMetrics": {"rif": 4, "latency_ms": 12.5}}`,
    ],
    ['a protocol buffer', `BIN ${BASE64}`],
  ])('is read as %s', (_, value) => {
    const report = parseLoadReport(value)
    expect({ ...report, named: { ...report?.named } }).toEqual(FULL)
  })

  it.each([
    ['nothing of the kind', 'busy'],
    ['a number that is none', 'cpu_utilization=high'],
    ['broken JSON', 'JSON {"cpu_utilization": 0.3'],
    ['no object', 'JSON 7'],
    ['bytes that end too early', `BIN ${MESSAGE.subarray(0, 5).toString('base64')}`],
    ['a length beyond the end', `BIN ${Buffer.from([0x42, 0xff, 0xff, 0xff, 0x7f]).toString('base64')}`],
    ['an endless number', `BIN ${Buffer.alloc(40, 0xff).toString('base64')}`],
    ['a group, which nobody sends', `BIN ${Buffer.from([0x0b]).toString('base64')}`],
    ['eight thousand characters and more', `cpu_utilization=0.${'3'.repeat(9_000)}`],
  ])('is none where there is %s', (_, value) => {
    expect(parseLoadReport(value)).toBeUndefined()
  })

  it('cannot set what it has no business with', () => {
    const report = parseLoadReport('JSON {"named_metrics": {"__proto__": 1, "constructor": 2}}')
    expect(Object.getPrototypeOf(report?.named)).toBeNull()
    expect(report?.cpuUtilization).toBe(0)
  })

  it('is found among raw headers, names in any case', () => {
    const raw = (name: string, value: string) => [
      Buffer.from('content-type'),
      Buffer.from('text/plain'),
      Buffer.from(name),
      Buffer.from(value),
    ]
    expect(loadReportOf(raw('Endpoint-Load-Metrics', TEXT))?.rps).toBe(120)
    expect(loadReportOf(raw('endpoint-load-metrics-bin', BASE64))?.rps).toBe(120)
    expect(loadReportOf(raw('endpoint-load-metricz', TEXT))).toBeUndefined()
    expect(loadReportOf([])).toBeUndefined()
  })
})

describe('the weight of a report', () => {
  it('is rps / (utilization + eps/rps x penalty), the application’s utilization first', () => {
    expect(weightOf({ rps: 100, cpuUtilization: 0.5 }, 1)).toBe(200)
    expect(weightOf({ rps: 100, cpuUtilization: 0.5, applicationUtilization: 0.25 }, 1)).toBe(400)
    expect(weightOf({ rps: 100, cpuUtilization: 0.5, eps: 50 }, 1)).toBe(100)
    expect(weightOf({ rps: 100, cpuUtilization: 0.5, eps: 50 }, 0)).toBe(200)
  })

  it.each([
    {},
    { rps: 0, cpuUtilization: 0.5 },
    { rps: 10 },
    { rps: Number.NaN, cpuUtilization: 1 },
    { rps: -1, cpuUtilization: 1 },
    { rps: Number.POSITIVE_INFINITY, cpuUtilization: 1 },
    { rps: 1, cpuUtilization: -1 },
    { rps: 1e300, cpuUtilization: 1e-300 },
  ])('is none for %j', (report) => {
    expect(weightOf(report, 1)).toBeNaN()
  })

  const options = { blackoutMs: 10_000, expiryMs: 180_000, errorPenalty: 1 }
  const members = ['a', 'b', 'c'].map((id, slot) => ({ slot, endpoint: endpoint(id) }))
  const report = (rps: number) => ({ rps, cpuUtilization: 1 })

  it('counts after 10 s of reports, until 3 minutes after the last one, and again only after another blackout', () => {
    const reported = new ReportedWeights(options)
    const [a, b, c] = members
    for (const at of [0, 9_999]) {
      reported.add(a, report(10), at)
      reported.add(b, report(30), at)
      expect(reported.weights(members, at)).toBeUndefined()
    }
    // The third has no weight: it gets the mean.
    expect(reported.weights(members, 10_000)).toEqual(Float64Array.of(10, 30, 20))
    reported.add(c, report(50), 10_000)
    expect(reported.weights(members, 20_000)).toEqual(Float64Array.of(10, 30, 50))
    expect(reported.weights(members, 189_998)).toEqual(Float64Array.of(10, 30, 50))
    expect(reported.weights(members, 189_999)).toBeUndefined()
    reported.add(a, report(10), 200_000)
    reported.add(b, report(10), 200_000)
    expect(reported.weights(members, 209_999)).toBeUndefined()
    expect(reported.weights(members, 210_000)).toEqual(Float64Array.of(10, 10, 10))
  })

  it('is forgotten with its endpoint', () => {
    const reported = new ReportedWeights({ ...options, blackoutMs: 0 })
    for (const member of members) reported.add(member, report(member.slot + 1), 0)
    expect(reported.weights(members.slice(0, 2), 1)).toEqual(Float64Array.of(1, 2))
    expect(reported.weights(members, 1)).toEqual(Float64Array.of(1, 2, 1.5))
  })
})

describe('resource-based by reports', () => {
  it('is round robin at first, then goes by the reports, and goes back when they stop', async () => {
    const state = manualState()
    const timers = new ManualTimers()
    const members = admitAll(
      state,
      ['a', 'b', 'c'].map((id) => endpoint(id)),
    )
    let stale = false
    const changed = () => {
      stale = true
    }
    const policy = open(state, 'resource-based', { weights: 'orca' }, { timers, changed })
    let picker = policy.picker(viewOf(state, members))
    let now = 1_000_000
    const pass = async (ms: number) => {
      setNow(state, (now += ms))
      await timers.advance(ms)
      if (stale) picker = policy.picker(viewOf(state, members))
      stale = false
    }
    const shares = (): number[] => {
      const counts = [0, 0, 0]
      for (let i = 0; i < 600; i++) {
        const slot = picker({})
        counts[members.findIndex((member) => member.slot === slot)]++
        state.core.end(slot, 0, OUTCOME.SUCCEEDED, -1)
      }
      return counts
    }
    const reportAll = () =>
      members.forEach((member, i) => {
        policy.reported?.(member, { rps: 100, cpuUtilization: [1, 0.5, 1 / 3][i] })
      })
    expect(shares()).toEqual([200, 200, 200])
    for (let i = 0; i < 11; i++) {
      reportAll()
      await pass(1_000)
    }
    const weighted = shares()
    for (const [i, expected] of [100, 200, 300].entries())
      expect(Math.abs(weighted[i] - expected)).toBeLessThanOrEqual(1)
    for (let i = 0; i < 190; i++) await pass(1_000)
    expect(shares()).toEqual([200, 200, 200])
    expect(timers.pending).toBe(0)
    policy.close?.()
  })

  it('has no timer left when it is closed', () => {
    const state = manualState()
    const timers = new ManualTimers()
    const members = admitAll(state, [endpoint('a'), endpoint('b')])
    const policy = open(state, 'resource-based', { weights: 'orca' }, { timers })
    policy.picker(viewOf(state, members))
    policy.reported?.(members[0], { rps: 1, cpuUtilization: 1 })
    expect(timers.pending).toBe(1)
    policy.close?.()
    expect(timers.pending).toBe(0)
  })
})
