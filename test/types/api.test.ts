/** The public API's types. What is asserted here is checked by `npm run typecheck`; running it only proves that it loads. */
import { Agent, type Dispatcher, Pool } from 'undici'
import { describe, expectTypeOf, it } from 'vitest'
import {
  Balancer,
  type BalancerConfig,
  ConfigError,
  defineDispatcher,
  type Endpoint,
  engine,
  FairleadError,
  type Lease,
  type RequestFailure,
} from '../../lib/index.js'

const config: BalancerConfig = {
  services: {
    users: {
      endpoints: [
        'http://10.0.0.1:8080',
        { url: 'http://10.0.0.2:8080', weight: 2, zone: 'a', region: 'eu', priority: 0 },
      ],
      policy: 'peak-ewma',
      health: { http: { path: '/healthz' }, interval: 2000 },
    },
  },
  rules: [],
}

describe('types', () => {
  it('of the balancer', () => {
    const balancer = new Balancer(config)
    expectTypeOf(balancer.fetch).returns.resolves.toEqualTypeOf<Response>()
    expectTypeOf(balancer.fetch).toBeCallableWith('http://users/', {
      method: 'GET',
      balance: { key: 'alice' },
    })
    expectTypeOf(balancer.fetch).toExtend<typeof fetch>()
    expectTypeOf(balancer.dispatcher()).toExtend<Dispatcher>()
    const named = defineDispatcher('typed', (endpoint, options) => new Pool(endpoint.url, options))
    const mocked: BalancerConfig = {
      services: {
        users: {
          endpoints: [
            { url: 'http://10.0.0.1', dispatcher: new Agent() },
            { url: 'http://10.0.0.2', dispatcher: () => new Agent() },
          ],
          client: { dispatcher: named, allowPlaintext: true },
        },
      },
    }
    expectTypeOf(mocked).toEqualTypeOf<BalancerConfig>()
    expectTypeOf(balancer.with({ key: 'k' }, () => 1)).toBeNumber()
    expectTypeOf(balancer.pick('users')).toEqualTypeOf<Lease>()
    expectTypeOf(
      balancer.pick({ service: 'users', key: 'a', clientIp: '::1', region: 'eu', headers: {} }),
    ).toEqualTypeOf<Lease>()
    expectTypeOf(balancer.pick('users').endpoint).toEqualTypeOf<Endpoint>()
    expectTypeOf(balancer.stats().services.users.latencyMs.p99).toBeNumber()
    expectTypeOf(balancer.stop).toBeCallableWith({ drainMs: 5000 })
    balancer.on('endpoint', (event) => expectTypeOf(event.service).toBeString())
    // @ts-expect-error no such event
    balancer.on('endpiont', () => {})
    // @ts-expect-error no such policy
    const wrong: BalancerConfig = { services: { users: { endpoints: [], policy: 'round robin' } } }
    expectTypeOf(wrong).toEqualTypeOf<BalancerConfig>()
    expectTypeOf(engine.kind).toEqualTypeOf<'native' | 'fallback'>()
  })

  it('of the errors', () => {
    expectTypeOf(new ConfigError([])).toExtend<FairleadError>()
    expectTypeOf(FairleadError.prototype.code).toExtend<string>()
    expectTypeOf(FairleadError.prototype.fairlead).toEqualTypeOf<RequestFailure | undefined>()
  })
})
