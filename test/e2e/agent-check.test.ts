/** Endpoints that say in their health answers how much they want to do. */
import { describe, expect, it } from 'vitest'
import { Balancer, type BalancerConfig, type EndpointEvent, type PolicyConfig } from '../../lib/index.js'
import { balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

const HEALTH = { http: { path: '/agent', agent: true }, interval: 50, rise: 1, fall: 2 }

/** Two endpoints whose agents say what `words` holds at the moment. */
async function withAgents(policy: PolicyConfig['name'] = 'weighted-round-robin') {
  const endpoints = await startEndpoints(2)
  const words = ['up', 'up']
  endpoints.forEach((one, i) => {
    one.handle = (request, response) => {
      response.end(request.url === '/agent' ? words[i] : one.name)
    }
  })
  const balancer = balancerOver(endpoints, { policy, health: HEALTH })
  await balancer.start()
  const [a] = endpoints
  const shareOfFirst = (picks = 400) => {
    let first = 0
    for (let i = 0; i < picks; i++) {
      const lease = balancer.pick({ service: 'users', key: `user-${i}` })
      if (lease.endpoint.id === a.name) first++
      lease.end()
    }
    return first / picks
  }
  const stateOfFirst = () => balancer.stats().services.users.endpoints[a.name].state
  return { endpoints, words, balancer, shareOfFirst, stateOfFirst }
}

/** Resolves when each agent has been asked again, and answered. */
async function asked(endpoints: readonly TestEndpoint[]): Promise<void> {
  const before = endpoints.map(({ requests }) => requests)
  // The second one begins after the first was heeded.
  await expect
    .poll(() => endpoints.every(({ requests }, i) => requests >= before[i] + 2), { timeout: 5_000 })
    .toBe(true)
}

describe('agent check', () => {
  it.each(['weighted-round-robin', 'weighted-random', 'maglev', 'least-request'] as const)(
    'shares requests by the weight that agents say: %s',
    async (policy) => {
      const { words, balancer, shareOfFirst } = await withAgents(policy)
      if (policy === 'least-request') {
        words[1] = '25%'
        const leases = () => {
          const held = Array.from({ length: 100 }, () => balancer.pick('users'))
          const share = held.filter(({ endpoint }) => endpoint.id === 'a').length / held.length
          for (const lease of held) lease.end()
          return share
        }
        await expect.poll(leases, { timeout: 5_000 }).toBeCloseTo(0.8, 1)
        return
      }
      expect(shareOfFirst()).toBeCloseTo(0.5, 0)
      words[1] = '25%'
      await expect.poll(shareOfFirst, { timeout: 5_000 }).toBeCloseTo(0.8, 1)
      words[1] = '100%'
      await expect.poll(shareOfFirst, { timeout: 5_000 }).toBeLessThan(0.6)
    },
  )

  it('drains an endpoint that says so, tells of it, and takes it in again', async () => {
    const { words, balancer, shareOfFirst, stateOfFirst } = await withAgents()
    const told: EndpointEvent[] = []
    balancer.on('endpoint', (event) => told.push(event))
    for (const [out, back] of [
      ['drain', 'ready'],
      ['maint', 'ready'],
      ['0%', '100%'],
    ]) {
      words[0] = out
      await expect.poll(stateOfFirst, { timeout: 5_000 }).toBe('drain')
      expect(shareOfFirst()).toBe(0)
      words[0] = back
      await expect.poll(stateOfFirst, { timeout: 5_000 }).toBe('ready')
      expect(shareOfFirst()).toBeCloseTo(0.5, 1)
    }
    expect(told.filter(({ type }) => type === 'set').map(({ state }) => state)).toEqual([
      'drain',
      'ready',
      'drain',
      'ready',
      'drain',
      'ready',
    ])
  })

  it('takes `down` for a failing check, with its reason', async () => {
    const { words, balancer, stateOfFirst } = await withAgents()
    const why = new Promise<string>((resolve) => {
      balancer.on('endpoint', ({ type, reason }) => {
        if (type === 'unhealthy') resolve(reason)
      })
    })
    words[0] = 'down # disk is full'
    expect(await why).toBe('its agent says down: disk is full')
    expect(stateOfFirst()).toBe('unhealthy')
    words[0] = 'up'
    await expect.poll(stateOfFirst, { timeout: 5_000 }).toBe('ready')
  })

  it('leaves what the operator has drained drained', async () => {
    const { endpoints, words, balancer, stateOfFirst } = await withAgents()
    words[0] = 'ready 100%'
    balancer.service('users').set('a', { state: 'drain' })
    await asked(endpoints)
    expect(stateOfFirst()).toBe('drain')
    balancer.service('users').set('a', { state: 'ready' })
    await asked(endpoints)
    expect(stateOfFirst()).toBe('ready')
  })

  it('counts a percentage of a weight that was set at run time', async () => {
    const { words, balancer, shareOfFirst } = await withAgents()
    balancer.service('users').set('a', { weight: 9 })
    words[0] = '50%'
    // 4.5 to 1.
    await expect.poll(shareOfFirst, { timeout: 5_000 }).toBeCloseTo(4.5 / 5.5, 2)
  })

  it('lets go of an endpoint when agents are asked no more', async () => {
    const { endpoints, words, balancer, stateOfFirst } = await withAgents()
    words[0] = 'drain'
    await expect.poll(stateOfFirst, { timeout: 5_000 }).toBe('drain')
    const config: BalancerConfig = {
      services: {
        users: { endpoints: endpoints.map(({ name, url }) => ({ id: name, url })), policy: 'random' },
      },
    }
    await balancer.update(config)
    expect(stateOfFirst()).toBe('ready')
  })

  it('is refused with HEAD, whose answers have no body', () => {
    const config = {
      services: { users: { endpoints: [], health: { http: { method: 'HEAD', agent: true } } } },
    }
    expect(() => new Balancer(config as BalancerConfig)).toThrow(
      /services\.users\.health\.http\.method: is `HEAD`, which gets no body for the agent's words; use `GET`/,
    )
  })
})
