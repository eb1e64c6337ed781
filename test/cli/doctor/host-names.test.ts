import { expect, it } from 'vitest'
import { hostNameText } from '../../../lib/cli/doctor/host-name-text.js'
import { hostNames, type Lookup } from '../../../lib/cli/doctor/host-names.js'

const ZONE: Record<string, string[]> = {
  'users.internal': ['10.0.0.1', '10.0.0.2', '10.0.0.2', 'fd00::1'],
  'one.internal': ['10.0.0.1'],
  localhost: ['127.0.0.1', '::1'],
  'many.internal': Array.from({ length: 9 }, (_, i) => `10.0.0.${i}`),
}
const asked: string[] = []
const find: Lookup = async (host) => {
  asked.push(host)
  const addresses = ZONE[host]
  if (addresses === undefined) throw new Error(`getaddrinfo ENOTFOUND ${host}`)
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

const of = (...endpoints: unknown[]) => hostNames({ services: { users: { endpoints } } } as never, find)
const text = async (endpoint: unknown): Promise<string> => hostNameText((await of(endpoint))[0])

it('says of a name with several addresses that one gets all requests, and what would be better', async () => {
  expect(await of('http://users.internal:8080')).toEqual([
    {
      service: 'users',
      url: 'http://users.internal:8080',
      host: 'users.internal',
      resolved: 'at connect',
      addresses: ['10.0.0.1', '10.0.0.2', 'fd00::1'],
      advice:
        "write { url: 'http://users.internal:8080', resolve: true }, or source: { dns: { name: users.internal, port: 8080 } }, for an endpoint for each",
    },
  ])
  expect(await text('http://users.internal')).toBe(
    `users: http://users.internal
    one endpoint: getaddrinfo resolves its name with each new connection, which goes to one address; 3 addresses (10.0.0.1, 10.0.0.2, fd00::1) now.
    All requests go to one of them; write { url: 'http://users.internal', resolve: true }, or source: { dns: { name: users.internal } }, for an endpoint for each.`,
  )
})

it.each<[unknown, RegExp]>([
  ['http://one.internal', /one endpoint.*; 1 address \(10\.0\.0\.1\) now\.$/],
  ['http://localhost:80', /one endpoint.*; 2 addresses \(127\.0\.0\.1, ::1\) now\.$/],
  ['http://gone.internal', /one endpoint.*; no address now: getaddrinfo ENOTFOUND gone\.internal\.$/],
  ['http://many.internal', /9 addresses \(10\.0\.0\.0, .*, 10\.0\.0\.4, and 4 more\) now/],
  [
    { url: 'http://users.internal:81', resolve: true },
    /users: http:\/\/users\.internal:81\n {4}an endpoint for each address that DNS gives, asked for again by TTL; 3 addresses .* now\.$/,
  ],
])('%j', async (endpoint, expected) => {
  expect(await text(endpoint)).toMatch(expected)
})

it('says nothing of addresses, and looks each name up once', async () => {
  asked.length = 0
  const names = await of(
    'http://10.0.0.1',
    'http://[::1]:80',
    'http://one.internal',
    'http://one.internal:81',
  )
  expect(names.map(({ url }) => url)).toEqual(['http://one.internal', 'http://one.internal:81'])
  expect(asked).toEqual(['one.internal'])
})
