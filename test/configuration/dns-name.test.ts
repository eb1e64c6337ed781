import { describe, expect, it } from 'vitest'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'

function clientOf(service: Record<string, unknown>) {
  const { host, connect } = parseBalancerConfig({ services: { users: service } }).services.get(
    'users',
  )!.client
  return { host, connect }
}

const dns = (more: object = {}) => ({ dns: { name: 'Users.internal.', port: 8443, ...more } })

describe('where all endpoints are the addresses of one name', () => {
  it('that name is the Host header, with its port unless it is the standard one', () => {
    expect(clientOf({ source: dns() })).toEqual({ host: 'users.internal:8443', connect: undefined })
    expect(clientOf({ source: dns({ port: 80 }) }).host).toBe('users.internal')
    expect(clientOf({ source: dns({ port: undefined }) }).host).toBe('users.internal')
    expect(clientOf({ source: dns({ port: 443, scheme: 'https' }) }).host).toBe('users.internal')
    expect(clientOf({ source: dns({ port: 80, scheme: 'https' }) }).host).toBe('users.internal:80')
  })

  it('certificates are checked for it', () => {
    expect(clientOf({ source: dns({ scheme: 'https' }), client: { connect: { ca: 'x' } } })).toEqual({
      host: 'users.internal:8443',
      connect: { servername: 'users.internal', ca: 'x' },
    })
  })

  it('what the configuration says counts', () => {
    const client = { host: 'endpoint', connect: { servername: 'other' } }
    expect(clientOf({ source: dns({ scheme: 'https' }), client })).toEqual(client)
  })
})

it.each([
  ['there are others', { endpoints: ['http://10.0.0.1'], source: dns() }],
  ['there are other sources', { source: [dns(), { file: { path: '/a' } }] }],
  ['there are other names', { source: [dns(), dns({ name: 'b' })] }],
  ['each target has a name of its own', { source: dns({ port: undefined, type: 'SRV' }) }],
  ['it is no DNS', { source: { file: { path: '/a' } } }],
])('endpoints keep their own where %s', (_, service) => {
  expect(clientOf(service)).toEqual({ host: 'endpoint', connect: undefined })
})
