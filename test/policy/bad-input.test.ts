/** What each policy does with weights, regions and keys that nobody should have sent: an error in words, or a rule. */
import { afterEach, describe, expect, it } from 'vitest'
import {
  ArgumentError,
  Balancer,
  ConfigError,
  type EndpointConfig,
  type PickRequest,
  type PolicyConfig,
} from '../../lib/index.js'
import { POLICY_NAMES } from '../../lib/policy/options.js'

const balancers: Balancer[] = []
afterEach(async () => {
  await Promise.all(balancers.splice(0).map((balancer) => balancer.stop({ drainMs: 0 })))
})

const HASHING = ['ring-hash', 'maglev', 'rendezvous'] as const
const POLICIES: PolicyConfig[] = [
  ...POLICY_NAMES.map((name) => ({ name })),
  ...HASHING.map((name) => ({ name, hashBalanceFactor: 125 })),
  { name: 'least-request', choices: 'all', bias: 10 },
  { name: 'least-request', choices: 5, bias: 0 },
  { name: 'resource-based', weights: 'orca' },
]
const called = (config: PolicyConfig) => Object.values(config).join(' ')

const urls = (n: number) => Array.from({ length: n }, (_, i) => `http://10.0.0.${i + 1}:8080`)

function withEndpoints(policy: PolicyConfig, endpoints: readonly (string | EndpointConfig)[]): Balancer {
  const balancer = new Balancer({ seed: 1, services: { users: { policy, endpoints: [...endpoints] } } })
  balancers.push(balancer)
  return balancer
}

/** How many of `count` picks went to each endpoint; all end. */
function counts(balancer: Balancer, count: number, request: (i: number) => Omit<PickRequest, 'service'>) {
  const found: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const lease = balancer.pick({ service: 'users', ...request(i) })
    found[lease.endpoint.id] = (found[lease.endpoint.id] ?? 0) + 1
    lease.end()
  }
  return found
}

const keyed = (i: number) => ({ key: `user-${i}`, clientIp: `10.${i >> 8}.${i & 255}.1` })

describe.each(POLICIES.map((policy) => [called(policy), policy] as const))('%s', (_, policy) => {
  it.each([
    ['0', 0],
    ['below 0', -1],
    ['NaN', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
    ['above 65,535', 65_536],
    ['too small to be told from 0', 1e-46],
    ['a text', '2' as unknown as number],
  ])('refuses a weight that is %s, at its path, when configured and when set', (_what, weight) => {
    const [url, other] = urls(2)
    const make = () => withEndpoints(policy, [other, { url, weight }])
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(/services\.users\.endpoints\[1\]\.weight: must be a number, more than 0/)
    const balancer = withEndpoints(policy, [other, url])
    expect(() => balancer.service('users').set(url, { weight })).toThrow(/weight/)
    expect(() => balancer.service('users').add({ url: 'http://10.0.0.9:80', weight })).toThrow(ConfigError)
    const found = counts(balancer, 50, keyed)
    expect(Object.keys(found).every((id) => [url, other].includes(id))).toBe(true)
    expect(balancer.stats().services.users).toMatchObject({ inFlight: 0 })
  })

  it('takes weights from the smallest to the largest, and fractions; chooses nothing but its endpoints', () => {
    const weights = [65_535, 1, 0.1, 1e-30, 1.5, 65_535]
    const balancer = withEndpoints(
      policy,
      urls(6).map((url, i) => ({ url, weight: weights[i] })),
    )
    const found = counts(balancer, 600, keyed)
    for (const id of Object.keys(found)) expect(urls(6)).toContain(id)
    expect(Object.values(found).reduce((sum, n) => sum + n)).toBe(600)
    expect(balancer.stats().services.users.inFlight).toBe(0)
  })

  it('takes a request of no key, no address, an empty one, or an unknown region as one that says nothing', () => {
    const balancer = withEndpoints(
      policy,
      urls(4).map((url, i) => ({ url, region: i < 2 ? 'eu' : 'us', zone: 'a' })),
    )
    for (const request of [{}, { key: '' }, { clientIp: '' }, { region: 'mars' }, { region: '' }]) {
      const leases = Array.from({ length: 200 }, () => balancer.pick({ service: 'users', ...request }))
      const load = Object.values(balancer.stats().services.users.endpoints).map(({ inFlight }) => inFlight)
      // Nobody gets all of them: by chance at most 120 would, of 200 over 4.
      expect(Math.max(...load), JSON.stringify(request)).toBeLessThan(120)
      for (const lease of leases) lease.end()
    }
  })
})

describe.each([...HASHING, 'ip-hash'] as const)('%s', (name) => {
  it.each([7, Number.NaN, null, {}, ['a'], false, Symbol('s'), Object.create(null)])(
    'refuses a key that is no text, and takes no place',
    (key) => {
      const balancer = withEndpoints({ name }, urls(2))
      const pick = () => balancer.pick({ service: 'users', key: key as string })
      for (let i = 0; i < 3; i++) expect(pick).toThrow(ArgumentError)
      expect(pick).toThrow(/^key of the request is .*; it takes a string$/)
      expect(balancer.stats().services.users.inFlight).toBe(0)
    },
  )
})

describe.each(HASHING)('%s', (name) => {
  it('follows a weight that is set at run time, and one that is set back', async () => {
    const balancer = withEndpoints({ name }, urls(2))
    const [first] = urls(2)
    const share = () => (counts(balancer, 2_000, keyed)[first] ?? 0) / 2_000
    expect(Math.abs(share() - 1 / 2)).toBeLessThan(0.1)
    balancer.service('users').set(first, { weight: 9 })
    // A changed table is made in slices; the old one serves until it is there.
    await expect.poll(share).toBeGreaterThan(0.8)
    balancer.service('users').set(first, { weight: 1 })
    await expect.poll(share).toBeLessThan(0.6)
  })
})
