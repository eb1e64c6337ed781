import { describe, expect, it } from 'vitest'
import { parseEndpoints } from '../../../lib/configuration/parse.js'
import { endpointsOf } from '../../../lib/sources/consul/instances.js'
import { instance } from './consul-server.js'

const OPTIONS = { scheme: 'http', passing: true } as const
const of = (...instances: unknown[]) => endpointsOf(JSON.parse(JSON.stringify(instances)), OPTIONS)

describe('an instance', () => {
  it('is an endpoint with its weight, its place and what is known of it', () => {
    const [endpoint] = of(
      instance(
        '10.0.0.1',
        8080,
        { ID: 'users-1', Weights: { Passing: 7, Warning: 1 }, Meta: { zone: 'a', version: '2' } },
        { Node: 'n1', Meta: { zone: 'b', region: 'eu', rack: '4' } },
      ),
    )
    expect(endpoint).toEqual({
      url: 'http://10.0.0.1:8080',
      weight: 7,
      zone: 'a',
      region: 'eu',
      metadata: { node: 'n1', id: 'users-1', meta: { zone: 'a', region: 'eu', rack: '4', version: '2' } },
    })
    expect(parseEndpoints([endpoint], 'consul users')).toMatchObject([{ zone: 'a', weight: 7 }])
  })

  it('is in the region that is its datacenter where nothing else is said, and in no zone', () => {
    expect(of(instance('10.0.0.1', 80))).toMatchObject([{ region: 'dc1', zone: '' }])
    expect(of(instance('10.0.0.1', 80, {}, { Datacenter: 7 }))).toMatchObject([{ region: '' }])
  })

  it.each([
    ['10.0.0.9', 'http://10.0.0.9:80'],
    ['', 'http://10.0.0.1:80'],
    ['FD00:0:0::1', 'http://[fd00::1]:80'],
    ['Users-1.internal', 'http://users-1.internal:80'],
  ])('with the address %j is at %s', (Address, url) => {
    expect(of(instance('10.0.0.1', 80, { Address }))).toMatchObject([{ url }])
  })

  it('that is named twice is one, whatever the order', () => {
    const one = instance('10.0.0.1', 80, { ID: 'a' })
    const two = instance('10.0.0.1', 80, { ID: 'b' })
    const three = instance('10.0.0.0', 80)
    expect(of(one, two, three)).toEqual(of(three, two, one))
    expect(of(one, two, three).map(({ url }) => url)).toEqual(['http://10.0.0.0:80', 'http://10.0.0.1:80'])
  })

  it('without weights, as of old versions, has weight 1', () => {
    expect(of(instance('10.0.0.1', 80, { Weights: undefined }))).toMatchObject([{ weight: 1 }])
  })

  it('counts by its worst check', () => {
    const all = [
      instance('10.0.0.1', 80),
      instance('10.0.0.2', 80, { Weights: { Passing: 9, Warning: 2 } }, {}, 'warning'),
      instance('10.0.0.3', 80, { Weights: { Passing: 9, Warning: 0 } }, {}, 'warning'),
      instance('10.0.0.4', 80, {}, {}, 'critical'),
      instance('10.0.0.5', 80, {}, {}, 'unheard-of' as 'critical'),
      { ...instance('10.0.0.6', 80), Checks: null },
      { ...instance('10.0.0.7', 80), Checks: ['passing'] },
    ]
    expect(endpointsOf(all, OPTIONS).map(({ url, weight }) => [url, weight])).toEqual([
      ['http://10.0.0.1:80', 1],
      ['http://10.0.0.6:80', 1],
    ])
    expect(
      endpointsOf(all, { scheme: 'https', passing: false }).map(({ url, weight }) => [url, weight]),
    ).toEqual([
      ['https://10.0.0.1:80', 1],
      ['https://10.0.0.2:80', 2],
      ['https://10.0.0.6:80', 1],
    ])
  })

  it('keeps of `Meta` what Consul takes, and nothing that would be more than data', () => {
    const Meta = JSON.parse(
      `{"__proto__": "x", "constructor": "y", "a b": "z", "long": "${'x'.repeat(513)}", "number": 1, "version": "2"}`,
    )
    const [{ metadata }] = of(instance('10.0.0.1', 80, { Meta }))
    expect(Object.entries(metadata.meta)).toEqual([
      ['constructor', 'y'],
      ['version', '2'],
    ])
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, 'v']))
    expect(Object.keys(of(instance('10.0.0.1', 80, { Meta: many }))[0].metadata.meta)).toHaveLength(64)
    expect(of(instance('10.0.0.1', 80, { Meta: ['a'] }))[0].metadata.meta).toEqual({})
  })
})

describe('what is wrong is said, with the instance', () => {
  it.each<[string, unknown, RegExp]>([
    ['no object', 7, /^its instance 2: it has no `Service` and `Node`$/],
    ['no node', { Service: { ID: 'u' } }, /^its instance 2 \("u"\): it has no `Service` and `Node`$/],
    [
      'port 0',
      instance('10.0.0.1', 0),
      /\("users-0"\): its port is 0, not 1 to 65535; register the service with a port/,
    ],
    ['a port as text', instance('10.0.0.1', 80, { Port: '80' }), /its port is "80"/],
    [
      'a path as address',
      instance('10.0.0.1', 80, { Address: 'a/b' }),
      /its address is "a\/b", no IP address or host name/,
    ],
    ['a user in its address', instance('10.0.0.1', 80, { Address: 'u@a' }), /its address is "u@a"/],
    ['a zone index', instance('10.0.0.1', 80, { Address: 'fe80::1%eth0' }), /its address is "fe80::1%eth0"/],
    [
      'numbers that are no address',
      instance('10.0.0.1', 80, { Address: '999.1.1.1' }),
      /its address is "999.1.1.1"/,
    ],
    ['no address', instance('10.0.0.1', 80, {}, { Address: '' }), /its address is "", no IP address/],
    ['a long address', instance('10.0.0.1', 80, { Address: 'x'.repeat(999) }), /^.{1,160}$/],
    ['checks that are none', { ...instance('10.0.0.1', 80), Checks: 'passing' }, /its checks are no array/],
    [
      'weight 0',
      instance('10.0.0.1', 80, { Weights: { Passing: 0 } }),
      /its Weights.Passing is 0, not 1 to 65535/,
    ],
    [
      'a weight that is too large',
      instance('10.0.0.1', 80, { Weights: { Passing: 65_536 } }),
      /Weights.Passing is 65536/,
    ],
    ['a weight as text', instance('10.0.0.1', 80, { Weights: { Passing: '1' } }), /Weights.Passing is "1"/],
  ])('%s', (_, wrong, why) => {
    expect(() => of(instance('10.0.0.2', 80), wrong)).toThrow(why)
  })

  it.each([[{}], [null], ['[]'], [7]])('%j is no list', (answer) => {
    expect(() => endpointsOf(answer, OPTIONS)).toThrow('it is no array of instances')
  })
})
