/** A balancer from its first change to its last: who hears of it, and what is refused once it has stopped. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ConfigEvent, EndpointEvent } from '../../lib/index.js'
import { manualBalancer, named } from '../support/manual-balancer.js'

const picks = (balancer: ReturnType<typeof manualBalancer>['balancer'], count: number) =>
  Array.from({ length: count }, () => {
    const lease = balancer.pick('users')
    lease.end()
    return lease.endpoint.id
  })

describe('a balancer that has stopped', () => {
  it('refuses picks, requests, a new configuration and its handle with FAIRLEAD_STOPPED', async () => {
    const { balancer, configOf } = manualBalancer(named('a', 'b'))
    await balancer.stop({ drainMs: 0 })
    const stopped = expect.objectContaining({ code: 'FAIRLEAD_STOPPED' })
    const calls = {
      pick: () => balancer.pick('users'),
      handle: () => balancer.handle,
    }
    for (const [name, call] of Object.entries(calls)) expect(call, name).toThrow(stopped)
    await expect(balancer.fetch('http://users/')).rejects.toEqual(stopped)
    await expect(balancer.start()).rejects.toEqual(stopped)
    await expect(balancer.update(configOf())).rejects.toEqual(stopped)
    // Once more does no harm.
    await balancer.stop()
  })
})

describe('word of changes', () => {
  it('goes over the diagnostics channels too, after they took effect', async () => {
    const heard: unknown[] = []
    const { balancer, configOf } = manualBalancer(named('a', 'b'))
    const onEndpoint = (event: unknown) => {
      const { type, service, endpoint, state } = event as EndpointEvent
      heard.push([type, service, endpoint.id, state])
    }
    const onConfig = (event: unknown) => void heard.push((event as ConfigEvent).services)
    subscribe('fairlead:endpoint', onEndpoint)
    subscribe('fairlead:config', onConfig)
    onTestFinished(() => {
      unsubscribe('fairlead:endpoint', onEndpoint)
      unsubscribe('fairlead:config', onConfig)
    })
    balancer.service('users').set('a', { state: 'drain' })
    await balancer.update(configOf(named('a', 'b', 'c')))
    expect(heard).toEqual([['set', 'users', 'a', 'drain'], ['added', 'users', 'c', 'ready'], ['users']])
  })

  it('names ten endpoints of many, where none may be used', () => {
    const names = Array.from({ length: 12 }, (_, i) => `e${i}`)
    const { balancer } = manualBalancer(named(...names))
    for (const name of names) balancer.service('users').set(name, { state: 'maint' })
    const listed = names.slice(0, 10).map((name) => `${name} is maint`)
    expect(() => balancer.pick('users')).toThrow(`${listed.join(', ')}, ... (12 in all)`)
  })
})

describe('while a rule is in force', () => {
  const rule = { id: 'rule', service: 'users', policy: 'round-robin' } as const

  it('endpoints come, go and get other weights under it, and are there when it is gone', () => {
    const { balancer } = manualBalancer(named('a', 'b'), { policy: 'random' })
    const users = balancer.service('users')
    balancer.rules.add(rule)
    users.add({ id: 'c', url: 'http://c.test' })
    expect(new Set(picks(balancer, 6))).toEqual(new Set(['a', 'b', 'c']))
    users.set('b', { weight: 5 })
    expect(users.endpoints.find((one) => one.id === 'b')).toMatchObject({ weight: 5 })
    users.remove('a')
    expect(new Set(picks(balancer, 6))).toEqual(new Set(['b', 'c']))
    balancer.rules.remove('rule')
    expect(users.endpoints.map((one) => [one.id, one.weight])).toEqual([
      ['b', 5],
      ['c', 1],
    ])
    expect(new Set(picks(balancer, 40))).toEqual(new Set(['b', 'c']))
  })
})

describe('what an endpoint says of its load', () => {
  it('to a caller counts as what it says in a header: its share goes by it', async () => {
    const { balancer, machine } = manualBalancer(named('a', 'b'), {
      policy: { name: 'resource-based', weights: 'orca' },
    } as never)
    const busy = { a: 0.9, b: 0.1 }
    const round = () => {
      const lease = balancer.pick('users')
      const { id } = lease.endpoint
      lease.end({ load: { applicationUtilization: busy[id as 'a' | 'b'], rps: 100 } })
      return id
    }
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 4; j++) round()
      await machine.advance(1_000)
    }
    const shares = Array.from({ length: 200 }, round)
    expect(shares.filter((id) => id === 'a').length).toBeLessThan(60)
  })
})
