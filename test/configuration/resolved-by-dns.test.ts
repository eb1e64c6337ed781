import { describe, expect, it } from 'vitest'
import { parseBalancerConfig, parseEndpoint, parseEndpoints } from '../../lib/configuration/parse.js'
import { ConfigError } from '../../lib/errors.js'

const users = (...endpoints: unknown[]) =>
  parseBalancerConfig({ services: { users: { endpoints } } }).services.get('users')!

const faultOf = (fn: () => unknown): string => {
  try {
    fn()
    return ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.faults.map(({ path, message }) => `${path}: ${message}`).join('\n')
  }
}

describe('an endpoint with `resolve`', () => {
  it('is a source, with the rest of what it says for each address', () => {
    const { endpoints, sources, client } = users({
      url: 'https://users.internal:8443',
      resolve: true,
      weight: 2,
      zone: 'a',
    })
    expect(endpoints).toEqual([])
    expect(sources).toMatchObject([
      {
        kind: 'dns',
        options: {
          ...{ name: 'users.internal', port: 8443, scheme: 'https', type: 'A+AAAA' },
          common: { weight: 2, zone: 'a', region: '', priority: 0, metadata: {} },
        },
      },
    ])
    expect(client).toMatchObject({ host: 'users.internal:8443', connect: { servername: 'users.internal' } })
  })

  it('stands beside others', () => {
    const { endpoints, sources } = users(
      'http://10.0.0.1',
      { url: 'http://b', resolve: true },
      'http://10.0.0.2',
    )
    expect(endpoints.map(({ id }) => id)).toEqual(['http://10.0.0.1', 'http://10.0.0.2'])
    expect(sources).toHaveLength(1)
  })

  it('is an endpoint where it says false', () => {
    expect(users({ url: 'http://b', resolve: false }).endpoints).toHaveLength(1)
    expect('resolve' in users({ url: 'http://b', resolve: false }).endpoints[0]).toBe(false)
  })

  it.each([
    [{ url: 'http://10.0.0.1', resolve: true }, /endpoints\[0\]\.resolve: is for a host name/],
    [{ url: 'http://[::1]', resolve: true }, /endpoints\[0\]\.resolve: is for a host name/],
    [{ url: 'http://b', id: 'b', resolve: true }, /endpoints\[0\]\.id: is of one endpoint/],
    [{ url: 'http://b/path', resolve: true }, /endpoints\[0\]\.url: .*has path/],
    [{ url: 'http://b', resolve: 1 }, /endpoints\[0\]\.resolve: must be/],
  ])('%j is a fault', (endpoint, why) => {
    expect(faultOf(() => users(endpoint))).toMatch(why)
  })

  it('is no endpoint that can be added, or found', () => {
    const one = { url: 'http://b', resolve: true }
    expect(faultOf(() => parseEndpoint(one, 'endpoint'))).toMatch(
      /^endpoint\.resolve: is for the `endpoints`/,
    )
    expect(faultOf(() => parseEndpoints([one], 'file /a'))).toMatch(/resolve: is for the `endpoints`/)
  })
})

it('a rule may list endpoints that are still to be found', () => {
  const rules = [{ service: 'users', endpoints: ['http://10.0.0.9'] }]
  const services = (source?: object) => ({
    users: { endpoints: ['http://10.0.0.1'], ...(source && { source }) },
  })
  expect(faultOf(() => parseBalancerConfig({ services: services(), rules }))).toMatch(/without an endpoint/)
  expect(
    faultOf(() => parseBalancerConfig({ services: services({ file: { path: '/a' } }) as never, rules })),
  ).toBe('')
})
