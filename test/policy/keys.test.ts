/** The policies that go by key: stickiness, health, changes, bounded load; through the picker and through the balancer. */
import { afterEach, describe, expect, it } from 'vitest'
import { OUTCOME, SLOT } from '../../lib/engine/layout.js'
import { Balancer, type Lease } from '../../lib/index.js'
import { boundOf } from '../../lib/policy/bounded-load.js'
import { ManualTimers } from '../support/manual-timers.js'
import { seeded } from '../support/seeded.mjs'
import { admitAll, endpoint, inFlight, manualState, open, pickerOver, viewOf } from '../support/state.js'

const HASHING = ['ring-hash', 'maglev', 'rendezvous'] as const
const named = (n: number) => Array.from({ length: n }, (_, i) => endpoint(`e${i}`))
const KEYS = Array.from({ length: 3_000 }, (_, i) => `user-${i}`)

const balancers: Balancer[] = []
afterEach(async () => {
  await Promise.all(balancers.splice(0).map((balancer) => balancer.stop({ drainMs: 0 })))
})

describe.each(HASHING)('%s', (name) => {
  /** The slot of each key; nothing stays in flight. */
  const placed = (picker: ReturnType<typeof pickerOver>, state: ReturnType<typeof manualState>) =>
    KEYS.map((key) => {
      const slot = picker({ key })
      state.core.end(slot, 0, OUTCOME.SUCCEEDED, -1)
      return slot
    })

  it('keeps a key on its endpoint, spreads keys, and is the same for any order of the list', () => {
    const state = manualState()
    const members = admitAll(state, named(8))
    const first = placed(pickerOver(state, name, members), state)
    expect(placed(pickerOver(state, name, members), state)).toEqual(first)
    expect(placed(pickerOver(state, name, [...members].reverse()), state)).toEqual(first)
    for (const { slot } of members)
      expect(first.filter((one) => one === slot).length).toBeGreaterThan(KEYS.length / 8 / 2)
  })

  it('moves only the keys of an endpoint that is out, to all others, and back', () => {
    const state = manualState()
    const members = admitAll(state, named(8))
    const policy = open(state, name)
    const before = placed(policy.picker(viewOf(state, members)), state)
    const without = placed(policy.picker(viewOf(state, members.slice(1), members)), state)
    const gained = new Set<number>()
    before.forEach((slot, i) => {
      if (slot === members[0].slot) gained.add(without[i])
      else expect(without[i]).toBe(slot)
    })
    expect(gained.has(members[0].slot)).toBe(false)
    expect(gained.size).toBe(7)
    expect(placed(policy.picker(viewOf(state, members)), state)).toEqual(before)
  })

  it('picks usable ones alone where most are out', () => {
    const state = manualState()
    const members = admitAll(state, named(100))
    const usable = members.slice(40, 43)
    const picker = pickerOver(state, name, usable, {}, members)
    const slots = new Set(placed(picker, state))
    expect([...slots].sort()).toEqual(usable.map(({ slot }) => slot).sort())
  })

  it('shares keys by weight', () => {
    const state = manualState()
    const members = admitAll(state, [
      endpoint('a', { weight: 1 }),
      endpoint('b', { weight: 3 }),
      endpoint('c', { weight: 0.5 }),
    ])
    const owned = placed(pickerOver(state, name, members), state)
    const share = (i: number) => owned.filter((slot) => slot === members[i].slot).length / KEYS.length
    for (const [i, expected] of [1 / 4.5, 3 / 4.5, 0.5 / 4.5].entries())
      expect(Math.abs(share(i) - expected)).toBeLessThan(0.06)
  })

  it('goes by load where there is no key, or an empty one, so that nobody gets all of them', () => {
    const state = manualState()
    const members = admitAll(state, named(4))
    const picker = pickerOver(state, name, members)
    for (let i = 0; i < 400; i++) picker(i % 2 === 0 ? {} : { key: '' })
    expect(Math.max(...inFlight(state, members))).toBeLessThanOrEqual(103)
  })

  it('takes texts of any length, and endpoints of any weight; refuses what is no text', () => {
    const state = manualState()
    const members = admitAll(
      state,
      [65_535, 1e-30, 0.1].map((weight, i) => endpoint(`e${i}`, { weight })),
    )
    const picker = pickerOver(state, name, members)
    const slots = members.map(({ slot }) => slot)
    for (const key of ['x'.repeat(100_000), '\u0000', '\ud800', '0', ' ']) {
      const slot = picker({ key })
      expect(slots).toContain(slot)
      expect(picker({ key })).toBe(slot)
    }
    const before = inFlight(state, members)
    for (const key of [7, Number.NaN, {}, ['a'], false, null] as unknown as string[])
      expect(() => picker({ key })).toThrow(/^key of the request is .*; it takes a string$/)
    expect(inFlight(state, members)).toEqual(before)
  })

  it.each([100, 125, 200])(
    'with a bound of %d per cent holds max <= ceil(c m / n), Zipf keys too',
    (factor) => {
      const N = 10
      const balancer = new Balancer({
        seed: 1,
        services: {
          users: {
            endpoints: Array.from({ length: N }, (_, i) => `http://10.0.0.${i}:80`),
            policy: { name, hashBalanceFactor: factor },
          },
        },
      })
      balancers.push(balancer)
      const below = seeded(3)
      const zipf = () => `key ${Math.floor(1_000 ** (below(1_000_000) / 1_000_000))}`
      const leases: Lease[] = []
      const load = new Map<string, number>()
      let most = 0
      for (let i = 0; i < 20_000; i++) {
        if (leases.length > 0 && (below(100) < 45 || leases.length > 500)) {
          const [lease] = leases.splice(below(leases.length), 1)
          load.set(lease.endpoint.id, (load.get(lease.endpoint.id) as number) - 1)
          lease.end()
        } else {
          const lease = balancer.pick({ service: 'users', key: zipf() })
          leases.push(lease)
          const now = (load.get(lease.endpoint.id) ?? 0) + 1
          load.set(lease.endpoint.id, now)
          // RetiredSlots may leave one above the bound of fewer requests; a pick may not.
          expect(now).toBeLessThanOrEqual(Math.ceil((factor / 100) * (leases.length / N)))
          most = Math.max(most, now)
        }
      }
      expect(most).toBeGreaterThan(10)
      for (const lease of leases) lease.end()
      expect(balancer.stats().services.users.inFlight).toBe(0)
    },
  )

  it('bounds an endpoint by its share of the weights', () => {
    const weights = [1, 1, 4, 2]
    const balancer = new Balancer({
      seed: 1,
      services: {
        users: {
          endpoints: weights.map((weight, i) => ({ url: `http://10.0.0.${i}:80`, weight })),
          policy: { name, hashBalanceFactor: 125 },
        },
      },
    })
    balancers.push(balancer)
    // One hot key among others: alone it would fill one endpoint.
    const leases = Array.from({ length: 400 }, (_, i) =>
      balancer.pick({ service: 'users', key: i % 2 === 0 ? 'hot' : `key ${i}` }),
    )
    weights.forEach((weight, i) => {
      const load = leases.filter(({ endpoint }) => endpoint.host === `10.0.0.${i}`).length
      expect(load).toBeLessThanOrEqual(Math.ceil(1.25 * 400 * (weight / 8)))
    })
    for (const lease of leases) lease.end()
  })

  it('without a bound exceeds it: the bound above can fail', () => {
    const state = manualState()
    const members = admitAll(state, named(10))
    const picker = pickerOver(state, name, members)
    for (let i = 0; i < 100; i++) picker({ key: 'hot' })
    expect(Math.max(...inFlight(state, members))).toBe(100)
  })

  it('keeps most keys of a hot endpoint near it: a bounded key has one second choice', () => {
    const balancer = new Balancer({
      seed: 1,
      services: {
        users: {
          endpoints: Array.from({ length: 10 }, (_, i) => `http://10.0.0.${i}:80`),
          policy: { name, hashBalanceFactor: 200 },
        },
      },
    })
    balancers.push(balancer)
    const leases = Array.from({ length: 90 }, (_, i) => balancer.pick({ service: 'users', key: `key ${i}` }))
    const ids = new Set<string>()
    for (let i = 0; i < 10; i++) {
      const lease = balancer.pick({ service: 'users', key: 'hot' })
      ids.add(lease.endpoint.id)
      leases.push(lease)
    }
    expect(ids.size).toBeLessThanOrEqual(2)
    for (const lease of leases) lease.end()
  })
})

describe('bound', () => {
  it('is ceil(c m w / W), whatever the rounding of the product, and never 0', () => {
    expect(boundOf(10, 1.25 / 10)).toBe(2)
    expect(boundOf(30, 1 / 3)).toBe(10)
    expect(boundOf(49, 1 / 49)).toBe(1)
    expect(boundOf(1, 1e-12)).toBe(1)
  })
})

describe.each(['ring-hash', 'maglev'] as const)('%s, when endpoints change', (name) => {
  it('builds a large table in slices, and looks into the old one meanwhile', async () => {
    const state = manualState()
    const members = admitAll(state, named(300))
    const timers = new ManualTimers()
    const policy = open(state, name, {}, { timers })
    const place = (picker: (request: { key: string }) => number) =>
      KEYS.map((key) => {
        const slot = picker({ key })
        state.core.end(slot, 0, OUTCOME.SUCCEEDED, -1)
        return slot
      })
    const before = place(policy.picker(viewOf(state, members)))
    expect(timers.pending).toBe(0)
    const grown = [...members, ...admitAll(state, [endpoint('new')])]
    const picker = policy.picker(viewOf(state, grown))
    expect(timers.pending).toBe(1)
    expect(place(picker)).toEqual(before)
    let slices = 0
    for (; timers.pending > 0 && slices < 1_000; slices++) await timers.advance(0)
    const after = place(picker)
    const moved = after.filter((slot, i) => slot !== before[i])
    expect(moved.length).toBeGreaterThan(0)
    expect(moved.length).toBeLessThan(KEYS.length * 0.03)
    expect(after).toContain(grown[300].slot)
    expect(after).toEqual(place(pickerOver(state, name, grown)))
  })

  it('follows changes that come faster than tables are built, the newest at last', () => {
    const state = manualState()
    const members = admitAll(state, named(300))
    const slices: (() => void)[] = []
    const timers = {
      now: () => 0,
      random: () => 0.5,
      after: (_ms: number, fn: () => void) => {
        slices.push(fn)
        return { cancel: () => slices.includes(fn) && slices.splice(slices.indexOf(fn), 1) }
      },
    }
    const policy = open(state, name, {}, { timers })
    policy.picker(viewOf(state, members))
    const add = () => {
      members.push(...admitAll(state, [endpoint(`new${members.length}`)]))
      return policy.picker(viewOf(state, [...members]))
    }
    const takesKeys = (picker: ReturnType<typeof add>, slot: number) =>
      KEYS.some((key) => {
        const picked = picker({ key })
        state.core.end(picked, 0, OUTCOME.SUCCEEDED, -1)
        return picked === slot
      })
    let picker = add()
    const first = members[members.length - 1].slot
    for (let changes = 0; changes < 400 && !takesKeys(picker, first); changes++) {
      slices.shift()?.()
      picker = add()
    }
    expect(takesKeys(picker, first)).toBe(true)
    // One table is being built: this change waits for it.
    picker = add()
    const last = members[members.length - 1].slot
    expect(takesKeys(picker, last)).toBe(false)
    for (let count = 0; slices.length > 0 && count < 10_000; count++) slices.shift()?.()
    expect(takesKeys(picker, last)).toBe(true)
    policy.close?.()
  })

  it('never picks one that left while the table is being built', async () => {
    const state = manualState()
    const members = admitAll(state, named(200))
    const timers = new ManualTimers()
    const policy = open(state, name, {}, { timers })
    policy.picker(viewOf(state, members))
    for (let left = 1; left <= 5; left++) {
      const rest = members.slice(left)
      const picker = policy.picker(viewOf(state, rest))
      expect(timers.pending).toBeLessThanOrEqual(1)
      const slots = new Set(KEYS.map((key) => picker({ key })))
      for (const { slot } of members.slice(0, left)) expect(slots).not.toContain(slot)
    }
    policy.close?.()
    expect(timers.pending).toBe(0)
  })

  it('is not built anew for endpoints that are out by health, until most of them are', () => {
    const state = manualState()
    const members = admitAll(state, named(300))
    const timers = new ManualTimers()
    const policy = open(state, name, {}, { timers })
    policy.picker(viewOf(state, members))
    for (const out of [1, 50, 150, 0]) {
      policy.picker(viewOf(state, members.slice(out), members))
      expect(timers.pending, `${out} of 300 out`).toBe(0)
    }
    policy.picker(viewOf(state, members.slice(151), members))
    expect(timers.pending).toBe(1)
    policy.close?.()
  })

  it('is built anew for other weights, not for the same ones', () => {
    const state = manualState()
    const members = admitAll(state, named(3))
    const timers = new ManualTimers()
    const policy = open(state, name, { pointsPerWeight: 10_000 }, { timers })
    policy.picker(viewOf(state, members))
    policy.picker(viewOf(state, members))
    expect(timers.pending).toBe(0)
    state.setFloat(members[0].slot, SLOT.WEIGHT, 2)
    policy.picker(viewOf(state, members))
    expect(timers.pending).toBe(1)
    policy.close?.()
  })
})
