import { describe, expect, it } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { HEALTH } from '../../lib/health/filter.js'
import type { ZoneAwareConfig } from '../../lib/model/index.js'
import { evenOrigin, zoneShares } from '../../lib/view/zone.js'
import { serviceViews, shares } from '../support/service-view.js'
import { admitAll, endpoint, manualState } from '../support/state.js'

const counts = (zones: Record<string, number>) => new Map(Object.entries(zones))
const sharesOf = (upstream: Record<string, number>, origin: Record<string, number>, own = 'a') =>
  Object.fromEntries(
    [...zoneShares(counts(upstream), counts(origin), own)].map(([zone, share]) => [zone, +share.toFixed(6)]),
  )

describe('shares of zones', () => {
  it.each([
    // 30% of the endpoints against 50% of the callers: 60% stay; the others take the rest by what they can spare.
    [
      { a: 3, b: 3, c: 4 },
      { a: 5, b: 2, c: 3 },
      { a: 0.6, b: 0.2, c: 0.2 },
    ],
    [
      { a: 2, b: 5, c: 3 },
      { a: 5, b: 3, c: 2 },
      { a: 0.4, b: 0.4, c: 0.2 },
    ],
    [
      { a: 3, b: 5, c: 2 },
      { a: 5, b: 2, c: 3 },
      { a: 0.6, b: 0.4 },
    ],
    [{ a: 5, b: 5 }, { a: 5, b: 5 }, { a: 1 }],
    [{ a: 8, b: 2 }, { a: 5, b: 5 }, { a: 1 }],
    [{ b: 2, c: 8 }, { a: 1, b: 1 }, { c: 1 }],
    // Endpoints that name no zone have no callers: all of theirs is to spare.
    [{ a: 2, '': 2 }, { a: 1 }, { a: 0.5, '': 0.5 }],
    [{ a: 1, b: 1 }, { a: 1, b: 1, z: 2 }, { a: 1 }],
  ])('%j endpoints, %j callers', (upstream, origin, expected) => {
    expect(
      sharesOf(upstream as unknown as Record<string, number>, origin as unknown as Record<string, number>),
    ).toEqual(expected)
  })

  it('give every endpoint the same load over all callers, whatever the spread', () => {
    const upstream = counts({ a: 3, b: 6, c: 1 })
    const origin = counts({ a: 5, b: 2, c: 3 })
    const load = new Map<string, number>()
    for (const [zone, callers] of origin)
      for (const [to, share] of zoneShares(upstream, origin, zone))
        load.set(to, (load.get(to) ?? 0) + (callers * share) / (upstream.get(to) as number))
    for (const each of load.values()) expect(each).toBeCloseTo(1, 12)
    expect(load.size).toBe(3)
  })

  it('callers are even over the named zones unless told', () => {
    expect(evenOrigin(['b', '', 'a'], 'a')).toEqual(counts({ a: 1, b: 1 }))
  })
})

describe('zone-aware routing', () => {
  const setUp = (
    zoneAware: ZoneAwareConfig,
    zones = 'aaabbbbbcc',
    policy: 'random' | 'round-robin' = 'random',
  ) => {
    const state = manualState(5)
    const members = admitAll(
      state,
      [...zones].map((zone, i) => endpoint(`e${i}`, { zone: zone === '-' ? '' : zone })),
    )
    return { state, members, ...serviceViews(state, members, { policy, zone: 'a', zoneAware }) }
  }
  const origin = { a: 50, b: 20, c: 30 }

  it.each(['random', 'round-robin'] as const)(
    '%s: 60%% stay, and hosts of a zone get the same within 2%%',
    (policy) => {
      const { state, members, view } = setUp({ origin }, undefined, policy)
      const found = shares(state, view(), members, 600_000)
      const [a, b, c] = [found.slice(0, 3), found.slice(3, 8), found.slice(8)]
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
      expect(Math.abs(sum(a) - 0.6)).toBeLessThan(0.003)
      expect(Math.abs(sum(b) - 0.4)).toBeLessThan(0.003)
      expect(c).toEqual([0, 0])
      for (const zone of [a, b])
        expect((Math.max(...zone) - Math.min(...zone)) / (sum(zone) / zone.length)).toBeLessThan(0.02)
    },
  )

  it('goes by healthy endpoints, and is off below minClusterSize of them', () => {
    const { state, members, view } = setUp({ origin: { a: 1, b: 1 }, minClusterSize: 6 }, 'aaabbb')
    expect(view().whole.usable).toEqual(members.slice(0, 3))
    state.set(members[5].slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    const all = shares(state, view(), members, 50_000)
    for (const share of all.slice(0, 5)) expect(share).toBeCloseTo(0.2, 1)
    const small = setUp({ origin: { a: 1, b: 1 }, minClusterSize: 5 }, 'aaabbb')
    small.state.set(small.members[0].slot, SLOT.HEALTH, HEALTH.UNHEALTHY)
    const found = shares(small.state, small.view(), small.members, 100_000)
    expect(found[1] + found[2]).toBeCloseTo(0.8, 2)
  })

  it('counts for routingEnabled per cent of the requests', () => {
    const { state, members, view } = setUp({ origin: { a: 1, b: 1 }, routingEnabled: 50 }, 'aaaaabbbbb')
    const found = shares(state, view(), members, 100_000)
    expect(found.slice(0, 5).reduce((sum, share) => sum + share)).toBeCloseTo(0.75, 2)
  })

  it('a zone without endpoints sends everything to the others; one zone alone is used whole', () => {
    const away = setUp({}, 'bbbccc')
    const found = shares(away.state, away.view(), away.members, 50_000)
    for (const share of found) expect(share).toBeCloseTo(1 / 6, 1)
    expect(setUp({}, 'bbbbbb').view().whole.usable.length).toBe(6)
    const nameless = setUp({}, 'aaa---')
    const half = shares(nameless.state, nameless.view(), nameless.members, 50_000)
    expect(half.slice(0, 3).reduce((sum, share) => sum + share)).toBeCloseTo(0.5, 2)
  })
})
