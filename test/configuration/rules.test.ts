import { describe, expect, test, vi } from 'vitest'
import { parseBalancerConfig, parseRule } from '../../lib/configuration/parse.js'
import { applyRule } from '../../lib/configuration/rules/apply.js'
import { compileRules } from '../../lib/configuration/rules/compile.js'
import { RuleSet, type RuleStore } from '../../lib/configuration/rules/rule-set.js'
import type { RuleConfig } from '../../lib/model/index.js'
import { faultsOf } from '../options/config-faults.js'
import { seeded } from '../support/seeded.mjs'

const rule = (config: RuleConfig) => parseRule(config, 'rule')
const servicesOf = (services: object, rules: readonly RuleConfig[] = []) =>
  parseBalancerConfig({ services, rules }).services
const USERS = {
  users: {
    endpoints: [
      'http://a:1',
      { url: 'http://b:1', id: 'b', weight: 3 },
      { url: 'http://c:1', id: 'constructor' },
    ],
    health: { tcp: true, interval: 2_000, timeout: 800 },
    retry: { attempts: 4, statuses: [503], budget: { ratio: 0.5 } },
  },
}

describe('compileRules', () => {
  test('the most specific rule wins, in whatever order they are given', () => {
    const patterns = [
      '*',
      'users-*',
      'users-eu-*',
      '*-eu-1',
      'users-eu-1',
      'u*-eu-*',
      'u*-e*-1',
      'orders',
      '*s',
      'o*',
    ]
    const expected: [name: string, pattern: string | undefined][] = [
      ['users-eu-1', 'users-eu-1'],
      ['users-eu-2', 'users-eu-*'],
      ['users-us-1', 'users-*'],
      ['payments-eu-1', '*-eu-1'],
      ['u-eu-1', '*-eu-1'],
      ['u-eu-2', 'u*-eu-*'],
      ['u-ex-1', 'u*-e*-1'],
      ['orders', 'orders'],
      // One literal and one star each: the alphabet decides.
      ['others', '*s'],
      ['x', '*'],
    ]
    const random = seeded(3)
    for (let i = 0; i < 200; i++) {
      const order = [...patterns].sort(() => random(3) - 1)
      const compiled = compileRules(order.map((service) => rule({ service })))
      for (const [name, pattern] of expected)
        expect([name, compiled.match(name)?.service]).toEqual([name, pattern])
    }
  })

  test('no rule matches', () => {
    const compiled = compileRules([rule({ service: 'users-*' }), rule({ service: 'orders' })])
    for (const name of ['users', 'order', '__proto__', 'constructor', ''])
      expect(compiled.match(name)).toBeUndefined()
    expect(compileRules([]).match('users')).toBeUndefined()
  })
})

describe('applyRule', () => {
  const users = servicesOf(USERS).get('users')!

  test('without a rule, or with one that sets nothing, the service stays as it is', () => {
    expect(applyRule(users, undefined)).toBe(users)
    expect(applyRule(users, rule({ service: '*' }))).toEqual(users)
  })

  test('policy replaces the policy, with its own defaults', () => {
    expect(applyRule(users, rule({ service: '*', policy: 'least-request' })).policy).toMatchObject({
      name: 'least-request',
      choices: 2,
    })
  })

  test('endpoints leaves those it lists, in the order of the service', () => {
    const applied = applyRule(users, rule({ service: '*', endpoints: ['b', 'elsewhere', 'http://a:1'] }))
    expect(applied.endpoints).toEqual([users.endpoints[0], users.endpoints[1]])
    expect(users.endpoints).toHaveLength(3)
  })

  test('weights changes those it names; the others stay the same objects', () => {
    const applied = applyRule(users, rule({ service: '*', weights: { b: 7, elsewhere: 2 } }))
    expect(applied.endpoints.map(({ weight }) => weight)).toEqual([1, 7, 1])
    expect(applied.endpoints[0]).toBe(users.endpoints[0])
    expect(applied.endpoints[1]).toEqual({ ...users.endpoints[1], weight: 7 })
    expect(users.endpoints[1].weight).toBe(3)
    // Also after the rule went to another thread, where its weights have the usual prototype.
    const cloned = structuredClone(rule({ service: '*', weights: { b: 7 } }))
    expect(applyRule(users, cloned).endpoints.map(({ weight }) => weight)).toEqual([1, 7, 1])
  })

  test('retry is laid over field by field', () => {
    expect(
      applyRule(users, rule({ service: '*', retry: { attempts: 2, budget: { minPerSecond: 1 } } })).retry,
    ).toEqual({
      ...users.retry,
      attempts: 2,
      budget: { ratio: 0.5, minPerSecond: 1 },
    })
    expect(applyRule(users, rule({ service: '*', retry: false })).retry).toEqual({
      ...users.retry,
      attempts: 1,
    })
  })

  test('a wait laid over never goes below the base', () => {
    expect(applyRule(users, rule({ service: '*', retry: { backoffBaseMs: 500 } })).retry).toMatchObject({
      backoffBaseMs: 500,
      backoffMaxMs: 500,
    })
  })

  test('healthInterval sets the interval and cuts the time-out to it', () => {
    expect(applyRule(users, rule({ service: '*', healthInterval: 5_000 })).health).toEqual({
      ...users.health,
      interval: 5_000,
    })
    expect(applyRule(users, rule({ service: '*', healthInterval: 300 })).health).toEqual({
      ...users.health,
      interval: 300,
      timeout: 300,
    })
    const unchecked = servicesOf({ users: { endpoints: [] } }).get('users')!
    expect(applyRule(unchecked, rule({ service: '*', healthInterval: 300 })).health).toBeUndefined()
  })

  test('what comes out is frozen', () => {
    const applied = applyRule(
      users,
      rule({ service: '*', endpoints: ['b'], weights: { b: 2 }, retry: { attempts: 2 }, healthInterval: 9 }),
    )
    for (const part of [
      applied,
      applied.endpoints,
      applied.endpoints[0],
      applied.retry,
      applied.retry.budget,
      applied.health,
    ])
      expect(Object.isFrozen(part)).toBe(true)
  })
})

describe('rules of a configuration', () => {
  test('two rules with one pattern, or one id', () => {
    expect(
      faultsOf(() => servicesOf({}, [{ service: 'a*' }, { service: 'b' }, { service: 'a*', id: 'other' }])),
    ).toEqual(['rules[2].service: has the same pattern as rules[0]: `a*`; each rule has its own'])
    expect(
      faultsOf(() =>
        servicesOf({}, [
          { service: 'a*', id: 'x' },
          { service: 'b', id: 'x' },
        ]),
      ),
    ).toEqual(['rules[1].id: has the same id as rules[0]: `x`; each rule has its own'])
    expect(faultsOf(() => servicesOf({}, [{ service: 'a*' }, { service: 'b', id: 'a*' }]))).toHaveLength(1)
    expect(faultsOf(() => servicesOf({}, [{ service: 'a*' }, { service: 'a*' }]))).toHaveLength(1)
  })

  test('a rule that leaves a service without an endpoint', () => {
    expect(
      faultsOf(() =>
        servicesOf(USERS, [{ service: 'other' }, { service: 'us*', id: 'mine', endpoints: ['x', 'y'] }]),
      ),
    ).toEqual([
      'rules[1].endpoints: rule `mine` leaves service `users` without an endpoint: it lists `x`, `y`, the service has `http://a:1`, `b`, `constructor`',
    ])
  })

  test('a rule that does not come into effect, or a service that has no endpoints, is no fault', () => {
    expect(
      faultsOf(() =>
        servicesOf(USERS, [
          { service: '*', endpoints: ['x'] },
          { service: 'users', endpoints: ['b', 'x'] },
        ]),
      ),
    ).toEqual([])
    expect(
      faultsOf(() => servicesOf({ empty: { endpoints: [] } }, [{ service: '*', endpoints: ['x'] }])),
    ).toEqual([])
    expect(
      faultsOf(() => servicesOf(USERS, [{ service: 'nobody-*', endpoints: ['x'], weights: { x: 3 } }])),
    ).toEqual([])
  })
})

describe('RuleSet', () => {
  const set = (initial: readonly RuleConfig[] = [], services: object = USERS) => {
    const config = parseBalancerConfig({ services, rules: initial })
    let inForce = config.rules
    const committed = vi.fn()
    const store: RuleStore = {
      read: () => inForce,
      commit: (edit) => {
        const edited = edit(inForce, config.services.values())
        committed(edited)
        inForce = edited
      },
    }
    const rules = new RuleSet(store, parseRule)
    return { rules, committed, match: (name: string) => compileRules(rules.list()).match(name) }
  }

  test('add', () => {
    const { rules, committed, match } = set([{ service: '*' }])
    expect(match('users')?.id).toBe('*')
    const added = rules.add({ service: 'users', policy: 'random' })
    expect(added).toMatchObject({ id: 'users', policy: { name: 'random' } })
    expect(match('users')).toBe(added)
    expect(rules.list().map(({ id }) => id)).toEqual(['*', 'users'])
    expect(committed.mock.calls).toEqual([[rules.list()]])
  })

  test('update replaces the rule and keeps its id', () => {
    const { rules, committed, match } = set([{ service: 'us*', policy: 'random', healthInterval: 5 }])
    const updated = rules.update('us*', { service: 'users', policy: 'round-robin' })
    expect(updated).toMatchObject({ id: 'us*', service: 'users', policy: { name: 'round-robin' } })
    expect(updated.healthInterval).toBeUndefined()
    expect(match('users')).toBe(updated)
    expect(match('use')).toBeUndefined()
    expect(rules.update('us*', { service: 'users', id: 'new' }).id).toBe('new')
    expect(rules.list().map(({ id }) => id)).toEqual(['new'])
    expect(committed).toHaveBeenCalledTimes(2)
  })

  test('remove', () => {
    const { rules, committed, match } = set([{ service: '*' }, { service: 'users' }])
    expect(rules.remove('users').service).toBe('users')
    expect(match('users')?.id).toBe('*')
    rules.remove('*')
    expect(match('users')).toBeUndefined()
    expect(committed).toHaveBeenCalledTimes(2)
  })

  test.each([
    [
      'a bad rule',
      (rules: RuleSet) => rules.add({ service: 'x', polcy: 1 } as unknown as RuleConfig),
      'rules[1].polcy: unknown key `polcy`; did you mean `policy`?',
    ],
    [
      'no rule',
      (rules: RuleSet) => rules.add(null as unknown as RuleConfig),
      'rules[1]: must be an object with `service`, not null',
    ],
    [
      'a pattern that is there',
      (rules: RuleSet) => rules.add({ service: 'us*' }),
      'rules[1].service: has the same pattern as rules[0]: `us*`; each rule has its own',
    ],
    [
      'an id that is there',
      (rules: RuleSet) => rules.add({ service: 'x', id: 'us*' }),
      'rules[1].id: has the same id as rules[0]: `us*`; each rule has its own',
    ],
    [
      'a rule that empties a service',
      (rules: RuleSet) => rules.add({ service: 'users', endpoints: ['x'] }),
      'rules[1].endpoints: rule `users` leaves service `users` without an endpoint: it lists `x`, the service has `http://a:1`, `b`, `constructor`',
    ],
    [
      'a bad update',
      (rules: RuleSet) => rules.update('us*', { service: 'A*' }),
      'rules[0].service: has upper-case letters, which no service name has; write `a*`',
    ],
    [
      'an update of no rule',
      (rules: RuleSet) => rules.update('uss*', { service: 'a' }),
      'rules: no rule has id `uss*`; did you mean `us*`?',
    ],
    [
      'a removal of no rule',
      (rules: RuleSet) => rules.remove('qqqqqqqqq'),
      'rules: no rule has id `qqqqqqqqq`; rules: `us*`',
    ],
  ])('%s is refused and changes nothing', (_, change, fault) => {
    const { rules, committed, match } = set([{ service: 'us*' }])
    const before = rules.list()
    expect(faultsOf(() => change(rules))).toEqual([fault])
    expect(rules.list()).toBe(before)
    expect(match('users')).toBe(before[0])
    expect(committed).not.toHaveBeenCalled()
  })

  test('removing a rule is refused where the next one empties a service', () => {
    const { rules } = set([{ service: '*', endpoints: ['x'] }, { service: 'users' }])
    expect(faultsOf(() => rules.remove('users'))[0]).toMatch(
      /^rules\[0\]\.endpoints: rule `\*` leaves service `users` without an endpoint/,
    )
    expect(rules.list()).toHaveLength(2)
  })

  test('a change that cannot be put into force changes nothing', () => {
    const { rules, committed, match } = set([{ service: '*' }])
    committed.mockImplementationOnce(() => {
      throw new Error('refused')
    })
    expect(() => rules.add({ service: 'users' })).toThrow('refused')
    expect(rules.list().map(({ id }) => id)).toEqual(['*'])
    expect(match('users')?.id).toBe('*')
  })

  test('a change is made anew on rules that have changed meanwhile', () => {
    const config = parseBalancerConfig({ services: USERS, rules: [{ service: '*' }] })
    let inForce = config.rules
    const another = rule({ service: 'x' })
    const store: RuleStore = {
      read: () => inForce,
      commit: (edit) => {
        edit(inForce, config.services.values())
        inForce = [...inForce, another]
        inForce = edit(inForce, config.services.values())
      },
    }
    const added = new RuleSet(store, parseRule).add({ service: 'users' })
    expect(inForce.map(({ id }) => id)).toEqual(['*', 'x', 'users'])
    expect(inForce[2]).toBe(added)
  })
})
