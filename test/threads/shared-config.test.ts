/** Changes of a shared balancer, from any thread: in force in all of them when the promise resolves, refused whole or made whole. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Balancer, type ConfigError } from '../../lib/index.js'
import type { BalancerHandle } from '../../lib/shared/handle.js'
import {
  AttachedThread,
  attach,
  configOf,
  ownBalancer,
  slotsInUse,
  URLS,
  until,
} from '../support/attached.js'

const NEW = {
  services: { users: { endpoints: [URLS[1], 'http://x.test'] }, orders: { endpoints: ['http://o.test'] } },
}

describe('a change of a shared balancer', () => {
  it.each(['the thread that made it', 'a worker'])(
    'update by %s reaches every thread before it resolves',
    async (who) => {
      const balancer = ownBalancer()
      const threads = await attach(balancer, 3)
      if (who === 'a worker') await threads[0].do('update', NEW)
      else await balancer.update(NEW)
      // No message comes in between: each is asked only now, and answers from what it had taken over.
      for (const thread of threads) expect((await thread.do<string[]>('events')).at(-1)).toBe('config')
      for (const thread of threads) {
        expect(await thread.do('names')).toEqual(['users', 'orders'])
        expect(await thread.do('ids')).toEqual([URLS[1], 'http://x.test'])
        expect(await thread.do('hold', 1, 'orders')).toEqual(['http://o.test'])
      }
      expect(balancer.serviceNames).toEqual(['users', 'orders'])
    },
  )

  it('is in force as soon as the last thread says so: nobody has to look again and again', async () => {
    const balancer = ownBalancer()
    await attach(balancer, 2)
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    await balancer.update(NEW)
    expect(balancer.serviceNames).toEqual(['users', 'orders'])
  })

  it('is there for whoever asks for the endpoints of a service, before any message of it has come', async () => {
    const balancer = ownBalancer()
    const [thread] = await attach(balancer, 1)
    const users = balancer.service('users')
    const added = thread.do('add', 'http://y.test')
    // The event loop stands still meanwhile. A bound, not a measure.
    const end = performance.now() + 20_000
    let ids: string[]
    do ids = users.endpoints.map(({ id }) => id)
    while (!ids.includes('http://y.test') && performance.now() < end)
    expect(ids).toEqual([...URLS, 'http://y.test'])
    await added
  })

  it.each(['the thread that made it', 'a worker'])(
    'add, remove and rules by %s reach every thread',
    async (who) => {
      const balancer = ownBalancer()
      const [one, other] = await attach(balancer, 2)
      const by = who === 'a worker'
      if (by) await one.do('add', 'http://y.test')
      else balancer.service('users').add('http://y.test')
      await balancer.synced()
      expect(await other.do('events')).toEqual(['http://y.test added'])
      expect(await other.do('ids')).toEqual([...URLS, 'http://y.test'])
      if (by) await one.do('remove', URLS[0])
      else balancer.service('users').remove(URLS[0])
      await balancer.synced()
      expect(await other.do('events')).toEqual([`${URLS[0]} removed`])
      expect(balancer.service('users').endpoints.map(({ id }) => id)).toEqual([
        ...URLS.slice(1),
        'http://y.test',
      ])
      const rule = { service: 'users', endpoints: [URLS[2]] }
      if (by) await one.do('addRule', rule)
      else balancer.rules.add(rule)
      await balancer.synced()
      expect(Object.keys(await other.do<object>('turns', 20))).toEqual([URLS[2]])
      expect(await other.do('rules')).toEqual(['users'])
      expect(balancer.rules.list()).toHaveLength(1)
    },
  )

  it('is in force for the next pick of a thread whose event loop is held', async () => {
    const balancer = ownBalancer()
    const [thread] = await attach(balancer, 1)
    const blocked = thread.do('block', 100)
    const picked = thread.do<object>('turns', 40)
    await new Promise((resolve) => setTimeout(resolve, 30))
    balancer.service('users').remove(URLS[3])
    await blocked
    expect(Object.keys(await picked).sort()).toEqual(URLS.slice(0, 3))
  })

  it('that is faulty changes nothing in any thread', async () => {
    const balancer = ownBalancer()
    const [one, other] = await attach(balancer, 2)
    const faulty = { services: { users: { endpoints: ['ftp://x'], policy: 'fastest' } } }
    await expect(one.do('update', faulty)).rejects.toMatchObject({ code: 'FAIRLEAD_CONFIG' })
    await expect(one.do('add', URLS[0])).rejects.toMatchObject({ code: 'FAIRLEAD_ARGUMENT' })
    await expect(one.do('remove', 'http://z.test')).rejects.toMatchObject({
      code: 'FAIRLEAD_UNKNOWN_ENDPOINT',
    })
    await expect(one.do('addRule', { service: 'users', endpoints: ['http://z.test'] })).rejects.toMatchObject(
      {
        code: 'FAIRLEAD_CONFIG',
      },
    )
    expect(await other.do('events')).toEqual([])
    for (const thread of [one, other]) expect(await thread.do('ids')).toEqual(URLS)
  })

  it('and changes of other threads at the same time are all made, one after the other', async () => {
    const balancer = ownBalancer()
    const threads = await attach(balancer, 3)
    const ROUNDS = 150
    const all = Promise.all(threads.map((thread, i) => thread.do('churn', `t${i}`, ROUNDS)))
    for (let i = 0; i < ROUNDS; i++) {
      balancer.rules.add({ id: `r${i}`, service: `nobody-${i}` })
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await all
    await balancer.synced()
    const expected = new Set(URLS)
    for (const t of [0, 1, 2]) for (let i = 0; i < ROUNDS; i += 3) expected.add(`http://t${t}-${i}.test`)
    for (const ids of [
      balancer.service('users').endpoints.map(({ id }) => id),
      ...(await Promise.all(threads.map((thread) => thread.do<string[]>('ids')))),
    ]) {
      expect(ids).toHaveLength(expected.size)
      expect(new Set(ids)).toEqual(expected)
    }
    for (const thread of threads) expect(await thread.do('rules')).toHaveLength(ROUNDS)
    // Each endpoint has one slot, the service one more, and nothing was left behind.
    expect(slotsInUse(balancer.handle)).toBe(expected.size + 1)
    const counts = await threads[0].do<object>('turns', expected.size)
    expect(new Set(Object.values(counts))).toEqual(new Set([1]))
  })

  it('with many changes begins its memory anew, and is still read by all', async () => {
    const balancer = ownBalancer()
    const [busy, late] = await attach(balancer, 2)
    const { handle } = balancer
    const blocked = late.do('block', 150)
    for (let i = 0; i < 2_500; i++) {
      balancer.service('users').add(`http://n${i}.test`)
      balancer.service('users').remove(`http://n${i}.test`)
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await blocked
    await balancer.synced()
    for (const thread of [busy, late]) expect(await thread.do('ids')).toEqual(URLS)
    const size = handle.pages.reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(size).toBeLessThan(handle.pages.length * 200_000)
    expect(slotsInUse(handle)).toBe(URLS.length + 1)
  })
})

describe('a slot', () => {
  it('is another endpoint’s only when every thread knows that the one before has left', async () => {
    const balancer = ownBalancer()
    const [held, free] = await attach(balancer, 2)
    const blocked = held.do('block', 300)
    await new Promise((resolve) => setTimeout(resolve, 30))
    const before = slotsInUse(balancer.handle)
    balancer.service('users').remove(URLS[0])
    await free.do('ids')
    expect(slotsInUse(balancer.handle)).toBe(before)
    await balancer.service('users').add('http://y.test')
    expect(slotsInUse(balancer.handle)).toBe(before + 1)
    await blocked
    await balancer.synced()
    // The last thread that has caught up may be the one that frees it, at this moment.
    await until(() => slotsInUse(balancer.handle) === before)
  })

  it('is free only when nothing is in flight there, in whatever thread', async () => {
    const balancer = ownBalancer()
    const [one, other] = await attach(balancer, 2)
    expect((await one.do<string[]>('hold', 4)).sort()).toEqual(URLS)
    const before = slotsInUse(balancer.handle)
    balancer.service('users').remove(URLS[0])
    await balancer.synced()
    expect(slotsInUse(balancer.handle)).toBe(before)
    expect(balancer.stats().services.users).toMatchObject({ requests: 4, inFlight: 4 })
    expect(await other.do('inFlight')).toBe(4)
    await one.do('release')
    expect(slotsInUse(balancer.handle)).toBe(before - 1)
    expect(balancer.stats().services.users).toMatchObject({ requests: 4, succeeded: 4, inFlight: 0 })
  })

  it('and the record of a service are free again when the thread ends that had the last request there', async () => {
    const balancer = ownBalancer()
    const [one] = await attach(balancer, 1)
    await one.do('hold', 4)
    await balancer.update({ services: { orders: { endpoints: ['http://o.test'] } } })
    expect(slotsInUse(balancer.handle)).toBe(URLS.length + 1 + 2)
    await one.terminate()
    await until(() => slotsInUse(balancer.handle) === 2)
  })
})

describe('a handle', () => {
  it('is there before start, is plain data, and serves for the newest configuration however old it is', async () => {
    const balancer = ownBalancer()
    const { handle } = balancer
    expect(structuredClone(handle).id).toBe(handle.id)
    await balancer.update(NEW)
    balancer.service('users').add('http://y.test')
    balancer.rules.add({ id: 'r', service: 'orders', policy: 'random' })
    const [thread] = await attach({ handle }, 1)
    expect(await thread.do('ids')).toEqual([URLS[1], 'http://x.test', 'http://y.test'])
    expect(await thread.do('rules')).toEqual(['r'])
    // And from there on to a third thread.
    const [third] = await attach({ handle: await thread.do<BalancerHandle>('handle') }, 1)
    await third.do('add', 'http://z.test')
    expect(balancer.service('users').endpoints).toHaveLength(4)
  })

  it('serves in the same thread as well', async () => {
    const balancer = ownBalancer()
    const same = Balancer.attach(balancer.handle)
    const lease = same.pick('users')
    expect(balancer.inFlight).toBe(1)
    balancer.service('users').remove(URLS[3])
    expect(same.service('users').endpoints).toHaveLength(3)
    lease.end()
    await same.stop()
    balancer.pick('users').end()
  })

  it('takes endpoints beyond the first segment', async () => {
    const many = (n: number) => Array.from({ length: n }, (_, i) => `http://e${i}.test`)
    const balancer = ownBalancer(configOf({ endpoints: many(900) }))
    const [thread] = await attach(balancer, 1)
    await balancer.update(configOf({ endpoints: many(2_500) }))
    const counts = await thread.do<Record<string, number>>('turns', 2_500)
    expect(Object.keys(counts)).toHaveLength(2_500)
    await thread.do('hold', 2_500)
    expect(
      Object.values(balancer.stats().services.users.endpoints).every(({ inFlight }) => inFlight === 1),
    ).toBe(true)
  })

  it('has room for so many, and more are refused with the number, before anything changes', async () => {
    const balancer = ownBalancer()
    const [thread] = await attach(balancer, 1)
    const tooMany = Array.from({ length: 25_000 }, (_, i) => `http://e${i}.test`)
    const refused = await balancer
      .update(configOf({ endpoints: tooMany }))
      .catch((error: ConfigError) => error)
    expect(refused).toMatchObject({ code: 'FAIRLEAD_CONFIG', message: expect.stringContaining('24576') })
    expect(await thread.do('ids')).toEqual(URLS)
    expect(slotsInUse(balancer.handle)).toBe(URLS.length + 1)
    await balancer.update(NEW)
    expect(await thread.do('ids')).toEqual([URLS[1], 'http://x.test'])
  })
})

it('a thread that attaches after slots have changed hands has the endpoints that are there now, in theirs', async () => {
  const balancer = ownBalancer()
  const users = balancer.service('users')
  const { handle } = balancer
  for (const id of ['http://x.test', 'http://y.test', 'http://z.test']) {
    users.add(id)
    if (id !== 'http://z.test') users.remove(id)
  }
  const [thread] = await attach({ handle }, 1)
  expect(await thread.do('turns', 10)).toEqual({
    ...Object.fromEntries(URLS.map((id) => [id, 2])),
    'http://z.test': 2,
  })
  // It thinks nothing left that is in use: the next endpoint gets a slot of its own.
  await thread.do('add', 'http://w.test')
  expect(slotsInUse(handle)).toBe(URLS.length + 2 + 1)
  const held = await thread.do<string[]>('hold', 6)
  expect(held.sort()).toEqual([...URLS, 'http://w.test', 'http://z.test'])
})

it('a thread that attaches while others change the configuration misses nothing', async () => {
  const balancer = ownBalancer()
  const { handle } = balancer
  const [churning] = await attach(balancer, 1)
  const churned = churning.do('churn', 'c', 600)
  const late = Array.from({ length: 3 }, () => new AttachedThread({ handle }))
  try {
    await Promise.all(late.map((thread) => thread.ready()))
    await churned
    const expected = balancer.service('users').endpoints.map(({ id }) => id)
    expect(expected).toHaveLength(URLS.length + 200)
    for (const thread of late) expect(await thread.do('ids')).toEqual(expected)
  } finally {
    await Promise.all(late.map((thread) => thread.terminate()))
  }
})
