import { beforeEach, describe, expect, it } from 'vitest'
import { runAll } from '../../lib/balancer/latest-list.js'
import { RecordCheck } from '../../lib/balancer/record-check.js'
import { SourceRun } from '../../lib/balancer/source-run.js'
import { defineSource, type Endpoint } from '../../lib/index.js'
import { Faults } from '../../lib/options/faults.js'
import { resolveSources } from '../../lib/sources/options.js'
import { ManualTimers } from '../support/manual-timers.js'
import { seeded } from '../support/seeded.mjs'

let check: RecordCheck
beforeEach(() => {
  check = new RecordCheck()
})

const run = (records: Record<string, unknown>): string[] =>
  runAll(check.check(new Map(Object.entries(records)))).map(({ id, weight }) => `${id} ${weight}`)
const record = (id: string, more: object = {}) => ({ url: `http://${id}:80`, id, ...more })

it('gives the endpoints in the order of the records', () => {
  expect(run({ k1: record('b'), k2: 'http://a:1' })).toEqual(['b 1', 'http://a:1 1'])
  expect(check.faults).toBeUndefined()
})

it('leaves out what is faulty, and says each key, path and reason', () => {
  expect(
    run({
      k1: record('a'),
      k2: record('b', { weight: -1, zone: 7 }),
      k3: new Error('is no UTF-8'),
      k4: null,
    }),
  ).toEqual(['a 1'])
  expect(check.faults).toBe(
    [
      'k2: `weight` must be a number, more than 0, at most 65,535, not -1; `zone` must be text of at most 256 characters, not 7',
      'k3: is no UTF-8',
      'k4: must be a URL like `http://10.0.0.1:8080`, or an object with `url`, not null',
    ].join('\n'),
  )
})

it('keeps the last good record of a key while the key is there', () => {
  run({ k1: record('a', { weight: 2 }) })
  expect(run({ k1: record('a', { weight: 'x' }) })).toEqual(['a 2'])
  expect(run({ k1: new Error('is no UTF-8') })).toEqual(['a 2'])
  expect(run({})).toEqual([])
  expect(run({ k1: new Error('is no UTF-8') })).toEqual([])
})

it('counts the first where two have one URL or one id', () => {
  expect(
    run({ k1: record('a'), k2: { url: 'http://a:80', id: 'b' }, k3: { url: 'http://c:80', id: 'a' } }),
  ).toEqual(['a 1'])
  expect(check.faults).toBe('k2: has the same URL as k1: http://a\nk3: has the same id as k1: "a"')
  expect(run({ k2: { url: 'http://a:80', id: 'b' } })).toEqual(['b 1'])
  expect(check.faults).toBeUndefined()
})

it('names five faults, and counts the others', () => {
  run(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, new Error('no')])))
  expect(check.faults?.split('\n')).toHaveLength(6)
  expect(check.faults).toMatch(/and 4 more of 9 faulty records$/)
})

it('shows no password', () => {
  run({ k1: 'http://me:secret@a:80' })
  expect(check.faults).toMatch(/\*\*\*/)
  expect(check.faults).not.toMatch(/secret/)
})

it('checks only what is another object than before', () => {
  const records = new Map(
    Array.from({ length: 10_000 }, (_, i) => [`k${i}`, { url: `http://10.0.0.1:${i + 1}` }]),
  )
  const before = runAll(check.check(records))
  let reads = 0
  const counted = new Proxy(
    { url: 'http://10.0.0.2:1' },
    {
      ownKeys: (target) => {
        reads++
        return Reflect.ownKeys(target)
      },
    },
  )
  for (const key of records.keys()) {
    const watched = records.get(key) as object
    Object.defineProperty(watched, 'late', { get: () => reads++, enumerable: true })
  }
  records.set('k5', counted)
  const after = runAll(check.check(records))
  expect(reads).toBe(1)
  expect(after[5].url).toBe('http://10.0.0.2:1')
  expect(after[6]).toBe(before[6])
})

it('looks at what has changed alone, where that is said, and comes to the same', () => {
  const whole = new RecordCheck()
  const records = new Map<string, unknown>()
  // Few URLs and ids, so that many are doubles; some are faulty.
  const random = seeded(7)
  for (let step = 0; step < 2_000; step++) {
    const changed = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const key = `k${random(20)}`
      changed.add(key)
      const kind = random(10)
      if (kind < 3) records.delete(key)
      else if (kind < 4) records.set(key, new Error('no'))
      else {
        records.set(key, { url: `http://10.0.0.${random(12)}:80`, id: `i${random(12)}` })
      }
    }
    if (random(10) === 0) {
      check.skip()
      changed.clear()
    }
    expect(runAll(check.check(records, changed))).toEqual(runAll(whole.check(records)))
    expect(check.faults).toBe(whole.faults)
  }
})

describe('of ten thousand records', () => {
  /** A source at work, of which nothing but what it tells is of interest. */
  function running() {
    const timers = new ManualTimers()
    const [source] = resolveSources({ name: defineSource('never', { start: () => {} }) }, '', new Faults())
    let inForce: readonly Endpoint[] = []
    let published = 0
    const told: string[] = []
    const run = new SourceRun(
      source,
      {
        inForce: () => inForce,
        replace: ({ endpoints }) => {
          inForce = endpoints
          published++
        },
        leads: () => true,
        tell: (_key, type, _source, reason) => told.push(`${type} ${reason}`),
      },
      timers,
    )
    return { run, timers, told, inForce: () => inForce, published: () => published }
  }

  const records = (count: number) =>
    new Map<string, unknown>(
      Array.from({ length: count }, (_, i) => [`k${i}`, { url: `http://e${i}.test:1` }]),
    )

  it('the first are looked at in turns, and come into force in stages; changes meanwhile are not lost', async () => {
    const { run, timers, told, inForce, published } = running()
    const all = records(10_000)
    run.records(all)
    expect(published()).toBe(0)
    // The source goes on with its map.
    all.set('k0', { url: 'http://other.test:1', weight: 3 })
    all.delete('k1')
    all.set('faulty', { url: 'ftp://x' })
    run.records(all, new Set(['k0', 'k1', 'faulty']))
    run.unchanged()
    expect(run.state.answeredAt).toBeUndefined()
    for (let i = 0; i < 1_000; i++) await timers.advance(1)
    expect(inForce()).toHaveLength(9_999)
    expect(published()).toBeGreaterThan(10)
    expect(inForce().find(({ weight }) => weight === 3)?.url).toBe('http://other.test:1')
    expect(inForce().some(({ url }) => url === 'http://e1.test:1')).toBe(false)
    expect(told).toContainEqual(expect.stringMatching(/^failed faulty: /))
    await run.ready
    run.stop()
    expect(timers.pending).toBe(0)
  })

  it('a change of a few is in force at once', async () => {
    const { run, timers, inForce } = running()
    const all = records(1_000)
    run.records(all)
    for (let i = 0; i < 100; i++) await timers.advance(1)
    all.delete('k7')
    run.records(all, new Set(['k7']))
    expect(inForce()).toHaveLength(999)
    run.stop()
  })

  it('what comes before a failure is looked at before it', () => {
    const { run, told, inForce } = running()
    run.records(records(2_000))
    run.failed(new Error('it is away'))
    expect(inForce()).toHaveLength(2_000)
    expect(told.at(-1)).toBe('failed it is away')
    run.stop()
  })
})
