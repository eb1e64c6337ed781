import { describe, expect, it } from 'vitest'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import { faultsOfConfig } from './config-faults.js'

const users = (rest: object) =>
  parseBalancerConfig({ services: { users: { endpoints: ['http://a:1'], ...rest } } }).services.get('users')

/** Without `services.users.`. */
const faultsOfService = (rest: object): string[] =>
  faultsOfConfig({ services: { users: { endpoints: [], ...rest } } }).map((fault) =>
    fault.slice('services.users.'.length),
  )

describe('what surrounds a policy', () => {
  it('has its defaults filled in where it is configured, and is off else', () => {
    expect(users({})).toMatchObject({ overprovisioningFactor: 1.4, failTrafficOnPanic: false })
    expect(
      users({
        slowStart: { windowMs: 5_000 },
        zone: 'a',
        zoneAware: {},
        subsets: { selectors: [['version']] },
        aperture: { instanceId: 0, totalInstances: 3 },
      }),
    ).toMatchObject({
      slowStart: { windowMs: 5_000, aggression: 1, minWeightPercent: 10 },
      zoneAware: { minClusterSize: 6, routingEnabled: 100 },
      subsets: { selectors: [['version']], fallback: 'none' },
      aperture: { instanceId: 0, totalInstances: 3, size: 12 },
    })
    expect(users({ zone: 'a', zoneAware: { origin: { a: 0.5, b: 0 } } })?.zoneAware?.origin).toEqual({
      a: 0.5,
      b: 0,
    })
  })

  it.each([
    [{ slowStart: {} }, /^slowStart.windowMs: is missing/],
    [
      { slowStart: { windowMs: 0 } },
      /^slowStart.windowMs: must be a whole number of ms, 1 to 86,400,000, not 0/,
    ],
    [{ slowStart: { windowMs: 1, aggression: 0 } }, /^slowStart.aggression: must be a number, more than 0/],
    [{ slowStart: { windowMs: 1, aggression: Number.NaN } }, /^slowStart.aggression: /],
    [{ slowStart: { windowMs: 1, minWeightPercent: 0 } }, /^slowStart.minWeightPercent: /],
    [{ slowStart: true }, /^slowStart: must be an object, not true/],
    [{ overprovisioningFactor: 0.9 }, /^overprovisioningFactor: must be a number, 1 to 100, not 0.9/],
    [{ failTrafficOnPanic: 1 }, /^failTrafficOnPanic: must be true or false, not 1/],
    [{ zoneAware: {} }, /^zoneAware: needs `zone` beside it/],
    [{ zone: '', zoneAware: {} }, /^zoneAware: needs `zone`/],
    [
      { zone: 'a', zoneAware: { origin: {} } },
      /^zoneAware.origin: has no callers in zone "a", which is this process's own/,
    ],
    [{ zone: 'a', zoneAware: { origin: { a: 0, b: 1 } } }, /^zoneAware.origin: has no callers in zone "a"/],
    [{ zone: 'a', zoneAware: { origin: { a: 1, b: -1 } } }, /^zoneAware.origin.b: must be a number, 0 to/],
    [{ zone: 'a', zoneAware: { origin: { a: 1, b: Number.NaN } } }, /^zoneAware.origin.b: /],
    [
      { zone: 'a', zoneAware: { origin: 3 } },
      /^zoneAware.origin: must be an object of numbers by zone, not 3/,
    ],
    [{ zone: 'a', zoneAware: { routingEnabled: 101 } }, /^zoneAware.routingEnabled: /],
    [{ subsets: {} }, /^subsets.selectors: is missing/],
    [{ subsets: { selectors: [] } }, /^subsets.selectors: is empty/],
    [{ subsets: { selectors: [[]] } }, /^subsets.selectors\[0\]: is empty/],
    [{ subsets: { selectors: ['version'] } }, /^subsets.selectors\[0\]: must be a list of metadata keys/],
    [{ subsets: { selectors: [['a'], ['b', 'b']] } }, /^subsets.selectors\[1\]: names the key "b" twice/],
    [
      {
        subsets: {
          selectors: [
            ['a', 'b'],
            ['b', 'a'],
          ],
        },
      },
      /^subsets.selectors\[1\]: has the same keys as .*selectors\[0\]/,
    ],
    [
      { subsets: { selectors: [['a']], fallback: 'default' } },
      /^subsets: has the fallback `default`, and no `default`/,
    ],
    [
      { subsets: { selectors: [['a']], default: { a: 1 } } },
      /^subsets.default: is read by the fallback `default` alone/,
    ],
    [
      { subsets: { selectors: [['a']], fallback: 'default', default: { a: null } } },
      /^subsets.default.a: must be text, a number, true or false, not null/,
    ],
    [{ subsets: { selectors: [['a']], fallback: 'all' } }, /^subsets.fallback: must be one of/],
    [{ aperture: { instanceId: 0 } }, /^aperture.totalInstances: is missing/],
    [{ aperture: { instanceId: -1, totalInstances: 3 } }, /^aperture.instanceId: must be a whole number/],
    [
      { aperture: { instanceId: 3, totalInstances: 3 } },
      /^aperture.instanceId: must be less than `totalInstances`, which is 3; it is 3/,
    ],
    [{ aperture: { instanceId: 0, totalInstances: 0 } }, /^aperture.totalInstances: /],
    [{ aperture: { instanceId: 0, totalInstances: 1, size: 0 } }, /^aperture.size: /],
  ])('%j is refused, and the message says what would be right', (options, fault) => {
    expect(faultsOfService(options)[0]).toMatch(fault)
  })
})
