/** Lists of a source in one thread: what a long one costs the event loop, which of many counts, and who is told what. */
import { afterEach, describe, expect, it } from 'vitest'
import { LatestList, runAll } from '../../lib/balancer/latest-list.js'
import { ListCheck } from '../../lib/configuration/list-check.js'
import { parseEndpoints } from '../../lib/configuration/parse.js'
import { Balancer, defineSource, type SourceEvent, type SourceSink } from '../../lib/index.js'
import type { Endpoint } from '../../lib/model/index.js'
import { ManualTimers } from '../support/manual-timers.js'
import { until } from '../support/until.js'

const urls = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `http://e${from + i}.test:8080`)

describe('a check of one list after the other', () => {
  const check = (one: ListCheck, list: readonly unknown[], inForce: readonly Endpoint[] = []) =>
    runAll(one.check(list, inForce))

  it('keeps the objects of those that say the same, however they are written', () => {
    const one = new ListCheck('it')
    const first = check(one, [
      'http://a:80',
      { url: 'http://b:1', metadata: { x: [1, { y: null }] } },
      'http://c:1',
    ])
    const second = check(one, [
      'http://c:1',
      { url: 'http://b:1', metadata: { x: [1, { y: null }] }, zone: undefined },
      { url: 'http://a:80', weight: 1 },
      'http://d:1',
    ])
    expect(second.map((endpoint) => first.indexOf(endpoint))).toEqual([2, 1, 0, -1])
    expect(second).toEqual(
      parseEndpoints(
        ['http://c:1', { url: 'http://b:1', metadata: { x: [1, { y: null }] } }, 'http://a:80', 'http://d:1'],
        'it',
      ),
    )
    // A thread that has checked none keeps what is in force.
    expect(check(new ListCheck('it'), ['http://d:1', { url: 'http://c:1', weight: 2 }], second)[0]).toBe(
      second[3],
    )
  })

  it.each<[string, (known: Record<string, unknown>) => unknown]>([
    ['another value', (known) => ({ ...known, zone: 'z' })],
    ['one more', (known) => ({ ...known, priority: 1 })],
    ['one less', ({ zone: _, ...known }) => known],
    ['something else inside', (known) => ({ ...known, metadata: { list: [1, 3] } })],
    ['an item less inside', (known) => ({ ...known, metadata: { list: [1] } })],
    ['an object for a list', (known) => ({ ...known, metadata: { list: { 0: 1, 1: 2 } } })],
    ['a key of Object’s', (known) => ({ ...known, metadata: { list: [1, 2], toString: 'x' } })],
    ['a changed object', (known) => Object.assign(known, { zone: 'z' })],
  ])('notices %s', (_, change) => {
    const one = new ListCheck('it')
    const known = { url: 'http://a:1', zone: 'y', metadata: { list: [1, 2] } }
    const [before] = check(one, [known])
    const given = change(known)
    const [after] = check(one, [given])
    expect(after).not.toBe(before)
    expect(after).toEqual(parseEndpoints([given], 'it')[0])
  })

  const GOOD = urls(120)
  it.each<[string, unknown[]]>([
    ['an address twice', [...GOOD, GOOD[3]]],
    ['one twice among those that are new', ['http://x:1', ...GOOD, 'http://x:1']],
    ['an id twice', [...GOOD, { url: 'http://x:1', id: GOOD[7] }]],
    ['an id twice, the new one first', [{ url: 'http://x:1', id: GOOD[7] }, ...GOOD]],
    ['an address of old under another id', [...GOOD, { url: `${GOOD[5]}/`, id: 'other' }]],
    ['a wrong value', [...GOOD.slice(0, 60), { url: 'http://x:1', weight: -1 }, ...GOOD.slice(60)]],
    ['no endpoint', [...GOOD, 7]],
    ['nothing', [...GOOD, undefined]],
    ['an instance of a class', [...GOOD.slice(1), Object.assign(new Map(), { url: GOOD[0] })]],
    ['a function', [...GOOD, { url: 'http://x:1', dispatcher: () => {} }]],
    [
      'a trap',
      [
        ...GOOD,
        Object.defineProperty({}, 'url', {
          enumerable: true,
          get() {
            throw new Error('no')
          },
        }),
      ],
    ],
  ])('refuses %s as a check of the whole does, and goes on from what was good', (_, bad) => {
    const one = new ListCheck('it')
    const before = check(one, GOOD)
    const faults = (act: () => unknown) => {
      try {
        act()
      } catch (error) {
        return (error as { errors: unknown }).errors
      }
      throw new Error('it was not refused')
    }
    expect(faults(() => check(one, bad))).toEqual(faults(() => parseEndpoints(bad, 'it')))
    expect(check(one, [...GOOD].reverse()).every((endpoint) => before.includes(endpoint))).toBe(true)
  })
})

describe('of long lists', () => {
  function scene(answer = (_: readonly unknown[]) => true) {
    const timers = new ManualTimers()
    const seen: number[] = []
    let turns = 0
    const { after } = timers
    timers.after = (ms, fn) => {
      turns++
      return after.call(timers, ms, fn)
    }
    const lists = new LatestList(timers, 10_000, function* (list) {
      for (let i = 0; i < 3; i++) yield 'turn'
      seen.push(list.length)
      return answer(list)
    })
    return { timers, lists, seen, turns: () => turns }
  }

  it('each is looked at in turns, and of those that come meanwhile the newest', async () => {
    const { timers, lists, seen, turns } = scene()
    for (const count of [1_000, 2_000, 3_000]) expect(lists.offer(urls(count))).toBe(true)
    expect([seen, lists.isBusy]).toEqual([[], true])
    await timers.advance(0)
    expect(seen).toEqual([3_000])
    expect(turns()).toBe(4)
    for (const count of [4_000, 5_000]) lists.offer(urls(count))
    await timers.advance(14)
    expect(seen).toEqual([3_000])
    await timers.advance(1)
    expect([seen, lists.isBusy, timers.pending]).toEqual([[3_000, 5_000], false, 0])
  })

  it('a list is what it was when it was handed over', async () => {
    const list = urls(1_000)
    const { timers, lists, seen } = scene((given) => given.length === 1_000)
    lists.offer(list)
    list.push('http://late')
    await timers.advance(0)
    expect([seen, lists.isRefusedLate]).toEqual([[1_000], false])
  })

  it('one that ends leaves no timer; what is left can be looked at at once', async () => {
    const { timers, lists, seen } = scene()
    lists.offer(urls(1_000))
    lists.stop()
    expect([timers.pending, lists.isBusy]).toEqual([0, false])
    lists.offer(urls(2_000))
    lists.flush()
    expect([timers.pending, lists.isBusy, seen]).toEqual([0, false, [2_000]])
    // Short, and nothing before it: at once.
    lists.offer(urls(3))
    expect(seen).toEqual([2_000, 3])
  })
})

describe('a source with a long list', () => {
  const balancers: Balancer[] = []
  afterEach(async () => {
    for (const balancer of balancers.splice(0)) await balancer.stop({ drainMs: 0 })
  })

  async function start(act: (sink: SourceSink) => void) {
    let sink: SourceSink | undefined
    const name = defineSource('long', {
      start: (_, given) => {
        sink = given
        act(given)
      },
    })
    const balancer = new Balancer({ services: { users: { source: { name } } } })
    balancers.push(balancer)
    const events: SourceEvent[] = []
    balancer.on('source', (event) => events.push(event))
    await balancer.start()
    const users = balancer.service('users')
    const ids = () => users.endpoints.map(({ id }) => id)
    return {
      balancer,
      ids,
      events,
      sink: sink as SourceSink,
      stats: () => balancer.stats().services.users.sources[0],
    }
  }

  it('is in force when `start` resolves, whole; is replaced whole; and is told of once', async () => {
    const { ids, events, sink } = await start((given) => void given.found(urls(2_000)))
    expect(ids()).toEqual(urls(2_000))
    sink.found(urls(2_000, 1_500))
    await until(() => events.length > 1 || events[0].type !== 'found')
    // Held by the valve: three in four are missing.
    expect(events.map(({ type }) => type)).toEqual(['found', 'held'])
    sink.found(urls(2_000, 900))
    await until(() => events.length > 2)
    expect(ids()).toEqual(urls(2_000, 900))
    expect(events.map(({ type, reason }) => [type, reason])).toEqual([
      ['found', '2000 endpoints, 0 before'],
      ['held', expect.stringContaining('1500 of 2000 endpoints are missing')],
      ['found', '2000 endpoints, 2000 before'],
    ])
  })

  it('that is refused later has failed, until there is a good one; the order of what it says holds', async () => {
    const { ids, events, sink, stats } = await start((given) => void given.found(urls(1_000)))
    const bad = [...urls(1_000), { url: 'http://x:1', weight: -1 }]
    expect(sink.found(bad)).toBe(true)
    sink.unchanged()
    await until(() => stats().error !== undefined)
    expect(stats().error).toContain('[1000].weight')
    // It knows of no fault, and has nothing new: the answer is as wrong as it was.
    sink.unchanged()
    expect(stats().error).toContain('[1000].weight')
    expect(ids()).toEqual(urls(1_000))
    sink.found(urls(1_001))
    sink.failed(new Error('gone'))
    expect(ids()).toEqual(urls(1_001))
    expect(stats().error).toBe('gone')
    expect(events.map(({ type }) => type)).toEqual(['found', 'failed', 'recovered', 'found', 'failed'])
  })

  it('that has too many is refused at once', async () => {
    const { sink } = await start((given) => void given.found(urls(600)))
    expect(sink.found(urls(10_001))).toBe(false)
    expect(sink.found('x'.repeat(600) as never)).toBe(false)
  })
})
