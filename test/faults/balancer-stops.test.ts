/**
 * A thread is stopped before and behind each single atomic operation of what it does with a shared balancer, one after the
 * other. Its record then bears the name of a worker that has really ended, and the thread that lives puts things in order.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { CONFIG_PAGES, HEADER, SLOT, SLOT_FLAGS, THREAD, threadWord } from '../../lib/engine/layout.js'
import { Balancer } from '../../lib/index.js'
import { stopAt } from '../support/atomics.js'
import { configOf, URLS } from '../support/attached.js'
import { endedThread } from '../support/ended-thread.js'
import { ManualTimers } from '../support/manual-timers.js'

vi.mock('../../lib/engine/ordering.js', () => import('../support/every-access.js'))

// What is stopped must not go on when it is told something: nothing may depend on a message anyway.
vi.mock('../../lib/shared/channel.js', () => ({
  Channel: class {
    send() {}
    hold() {}
    release() {}
    close() {}
  },
}))

const NEW = 'http://new.test'
const BEAT_MS = 1_000
/** More places than any of the works has. */
const MOST = 20_000
const BASE = configOf({ limits: { maxRequests: 50 } })

let ended: number
let timers: ManualTimers
let living: Balancer

beforeAll(async () => {
  ended = await endedThread()
})
beforeEach(() => {
  timers = new ManualTimers()
  living = new Balancer(BASE, timers)
})
afterEach(() => living.stop({ drainMs: 0 }))
afterAll(() => {
  vi.doUnmock('../../lib/shared/channel.js')
})

const attach = () => Balancer.attach(living.handle, new ManualTimers())

/** All records but the first are the ended thread's. */
function bury(): void {
  const root = new Int32Array(living.handle.root)
  for (let thread = 1; thread < root[HEADER.THREADS_USED]; thread++) {
    const at = threadWord(thread)
    if (root[at + THREAD.HOLDER] === 0) continue
    root[at + THREAD.HOLDER] = ended + 1
    root.fill(0, at + THREAD.LINEAGE, at + THREAD.LINEAGE + 4)
  }
}

function expectOrder(place: number): void {
  const { root: memory, segments } = living.handle
  const root = new Int32Array(memory)
  const weights: number[] = []
  let [used, claims] = [0, 0]
  for (const { cells } of segments) {
    const [words, floats] = [new Int32Array(cells), new Float32Array(cells)]
    for (let at = 0; at < words.length; at += SLOT.WORDS) {
      if (words[at + SLOT.CLAIM] !== 0) claims++
      if ((words[at + SLOT.GENERATION] & 1) === 0) continue
      used++
      if ((words[at + SLOT.FLAGS] & SLOT_FLAGS.GONE) === 0) weights.push(floats[at + SLOT.WEIGHT])
    }
  }
  const services = living.serviceNames.map((name) => living.service(name))
  const endpoints = services.flatMap((service) => service.endpoints)
  const records = Array.from(
    { length: root[HEADER.THREADS_USED] },
    (_, i) => root[threadWord(i) + THREAD.HOLDER],
  )
  const what = `stopped at place ${place}`
  expect(used, what).toBe(endpoints.length + services.length)
  expect(weights.sort(), what).toEqual(endpoints.map(({ weight }) => weight).sort())
  expect(claims, what).toBe(0)
  expect([...root.subarray(HEADER.PAGE_OWNER, HEADER.PAGE_OWNER + CONFIG_PAGES)], what).toEqual(
    new Array(CONFIG_PAGES).fill(0),
  )
  expect(
    records.filter((holder) => holder !== 0),
    what,
  ).toHaveLength(1)
  expect(living.inFlight, what).toBe(0)
  expect(living.leads, what).toBe(true)
}

/** What is in force: ids of the endpoints with their weight, names of the services, ids of the rules. */
const state = () =>
  JSON.stringify([
    living.serviceNames,
    living.service('users').endpoints.map(({ id, weight }) => [id, weight]),
    living.rules.list().map(({ id }) => id),
  ])

const changes: [string, (balancer: Balancer) => unknown][] = [
  ['an endpoint that is added', (balancer) => balancer.service('users').add(NEW)],
  ['an endpoint that is removed', (balancer) => balancer.service('users').remove(URLS[0])],
  ['a weight', (balancer) => balancer.service('users').set(URLS[1], { weight: 7 })],
  ['a rule', (balancer) => balancer.rules.add({ id: 'r', service: 'users', policy: 'random' })],
  [
    'a configuration',
    (balancer) =>
      balancer.update({ services: { ...BASE.services, orders: { endpoints: ['http://o.test', NEW] } } }),
  ],
]

describe('a thread that is stopped in the middle of a change, at whatever place', () => {
  it.each(changes)(
    '%s: it is in force or not, and nothing is left behind',
    async (_what, change) => {
      const before = state()
      const seen = new Set<string>()
      let place = 0
      for (; place < MOST; place++) {
        const other = attach()
        let failure: unknown
        const stopped = stopAt(place, () => {
          Promise.resolve(change(other)).catch((error: unknown) => {
            failure = error
          })
        })
        await Promise.resolve().then(() => {})
        bury()
        await timers.advance(BEAT_MS)
        expectOrder(place)
        seen.add(state())
        const after = attach()
        expect(after.service('users').endpoints).toEqual(living.service('users').endpoints)
        after.pick('users').end()
        await after.stop({ drainMs: 0 })
        await living.update(BASE)
        expect(state()).toBe(before)
        if (!stopped && failure === undefined) break
      }
      expect(place).toBeGreaterThan(10)
      expect(place).toBeLessThan(MOST)
      expect(seen.size).toBe(2)
    },
    60_000,
  )
})

describe('a thread that is stopped, at whatever place, while it', () => {
  it('attaches leaves nothing behind', async () => {
    const { handle } = living
    let place = 0
    while (stopAt(place, () => Balancer.attach(handle, new ManualTimers()))) {
      bury()
      await timers.advance(BEAT_MS)
      expectOrder(place++)
    }
    expect(place).toBeGreaterThan(10)
  }, 60_000)

  it('picks leaves no request in flight behind, and none of the service', async () => {
    for (let place = 0; place < MOST; place++) {
      const other = attach()
      const held = living.pick('users')
      const stopped = stopAt(place, () => {
        other.pick('users').end()
        other.pick('users')
      })
      bury()
      await timers.advance(BEAT_MS)
      expect(living.inFlight, `stopped at place ${place}`).toBe(1)
      held.end()
      expectOrder(place)
      const most = Array.from({ length: 50 }, () => living.pick('users'))
      expect(() => living.pick('users')).toThrow(/maxRequests/)
      for (const lease of most) lease.end()
      if (!stopped) return
    }
    throw new Error('it never came to its end')
  }, 60_000)

  it('cleans up after another leaves the rest to the next', async () => {
    let place = 0
    // Most of its places are loads of counts, one slot after the other.
    for (; place < MOST; place += place < 400 ? 1 : 23) {
      const first = attach()
      first.pick('users')
      first.pick('users')
      bury()
      const cleaner = new ManualTimers()
      const stopped = stopAt(place, () => Balancer.attach(living.handle, cleaner))
      bury()
      await timers.advance(BEAT_MS)
      expectOrder(place)
      if (!stopped) break
    }
    expect(place).toBeGreaterThan(50)
    expect(place).toBeLessThan(MOST)
  }, 60_000)
})
