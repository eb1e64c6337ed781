import { describe, expect, it } from 'vitest'
import { BalancerCore } from '../../lib/balancer/balancer.js'
import { Balancer } from '../../lib/clients/balancer.js'
import type { BalancerConfig, SubsetsConfig } from '../../lib/model/index.js'
import { serviceViews } from '../support/service-view.js'
import { admitAll, endpoint, manualState } from '../support/state.js'

const METADATA = [
  { version: 'v1', stage: 'prod' },
  { version: 'v1', stage: 'test' },
  { version: 'v2', stage: 'prod' },
  { version: 2, stage: 'prod' },
  { stage: 'prod' },
  { version: { major: 2 } },
]

function setUp(subsets: SubsetsConfig) {
  const state = manualState()
  const members = admitAll(
    state,
    METADATA.map((metadata, i) => endpoint(`e${i}`, { metadata })),
  )
  const view = serviceViews(state, members, { policy: 'round-robin', subsets }).view()
  const ids = (subset?: Record<string, string | number | boolean>) =>
    view
      .of({ subset })
      .usable.map(({ endpoint: { id } }) => id)
      .join(' ')
  return { view, ids }
}

const selectors = [['version'], ['version', 'stage']]

describe('subsets by metadata', () => {
  it('are those endpoints that have all keys with exactly these values', () => {
    const { ids, view } = setUp({ selectors })
    expect(ids({ version: 'v1' })).toBe('e0 e1')
    expect(ids({ version: 2 })).toBe('e3')
    expect(ids({ version: 'v1', stage: 'test' })).toBe('e1')
    expect(ids({ stage: 'prod', version: 'v1' })).toBe('e0')
    expect(view.of({ subset: { version: 'v1' } })).toBe(view.of({ subset: { version: 'v1' } }))
  })

  it.each([
    ['none', {}, ''],
    ['any', {}, 'e0 e1 e2 e3 e4 e5'],
    ['default', { default: { stage: 'prod', version: 'v2' } }, 'e2'],
    ['default', { default: { stage: 'nowhere' } }, ''],
  ] as const)('what is in none of them falls back: %s %j', (fallback, rest, expected) => {
    const { ids } = setUp({ selectors, fallback, ...rest })
    expect(ids()).toBe(expected)
    expect(ids({})).toBe(expected)
    expect(ids({ version: 'v9' })).toBe(expected)
    expect(ids({ stage: 'prod' })).toBe(expected)
    expect(ids({ version: 'v1', colour: 'red' })).toBe(expected)
  })

  it('do not matter to a service that has none', () => {
    const state = manualState()
    const members = admitAll(state, [endpoint('a')])
    const view = serviceViews(state, members, {}).view()
    expect(view.of({ subset: { version: 'v1' } }).usable).toEqual(members)
  })
})

describe('requests to a subset', () => {
  const config = (
    subsets: SubsetsConfig,
    metadata: readonly Record<string, unknown>[] = METADATA,
  ): BalancerConfig => ({
    services: {
      users: {
        policy: 'round-robin',
        subsets,
        endpoints: metadata.map((metadata, i) => ({ url: `http://e${i}.test`, id: `e${i}`, metadata })),
      },
    },
  })
  const balancer = (subsets: SubsetsConfig) => new Balancer(config(subsets))
  const pick = (users: Balancer, subset?: unknown) => {
    const lease = users.pick({
      service: 'users',
      ...(subset === undefined ? {} : { subset: subset as never }),
    })
    lease.end()
    return lease.endpoint.id
  }

  it('go there, over changes too', () => {
    const users = balancer({ selectors })
    expect([1, 2, 3, 4].map(() => pick(users, { version: 'v1' })).sort()).toEqual(['e0', 'e0', 'e1', 'e1'])
    users.service('users').set('e0', { state: 'drain' })
    expect([1, 2].map(() => pick(users, { version: 'v1' }))).toEqual(['e1', 'e1'])
    users.service('users').add({ url: 'http://new.test', id: 'new', metadata: { version: 'v3' } })
    expect(pick(users, { version: 'v3' })).toBe('new')
  })

  it('are where further tries go too', () => {
    const core = new BalancerCore(config({ selectors }, [...METADATA, { version: 'v3' }]))
    const other = core.pickExcluding(core.known('users'), [], { subset: { version: 'v3' } })
    expect(other?.endpoint.id).toBe(`e${METADATA.length}`)
    other?.end()
  })

  it('that is not there are refused, and the message says what was asked for', () => {
    const users = balancer({ selectors })
    expect(() => pick(users, { version: 'v9' })).toThrow(
      expect.objectContaining({
        code: 'FAIRLEAD_NO_ENDPOINT',
        message: expect.stringMatching(/"version":"v9"/),
      }),
    )
    expect(() => pick(users)).toThrow(/names no `subset`.*`subsets.fallback`/)
    const first = pick(balancer({ selectors, fallback: 'any' }))
    expect(['e0', 'e1', 'e2', 'e3', 'e4', 'e5']).toContain(first)
  })

  it.each([[5], ['v1'], [null], [[1]], [{ version: null }], [{ version: {} }], [{ version: Number.NaN }]])(
    'that is no record of values is an ArgumentError: %j',
    (subset) => {
      expect(() => pick(balancer({ selectors }), subset)).toThrow(
        expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }),
      )
    },
  )
})
