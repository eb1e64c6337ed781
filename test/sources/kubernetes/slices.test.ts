import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isOlder, SliceSet } from '../../../lib/sources/kubernetes/slice-set.js'
import { endpointsOf, readSlice } from '../../../lib/sources/kubernetes/slices.js'
import { draining, HTTP_PORT, ready, type SliceObject, slice, unready } from './slice.js'

type Port = string | number | undefined

const find = (slices: readonly unknown[], port?: Port, scheme: 'http' | 'https' = 'http') =>
  endpointsOf(
    slices.map((one) => readSlice(one, { scheme, port })),
    port,
  )
const urls = (slices: readonly unknown[], port?: Port): string[] => find(slices, port).map(({ url }) => url)

describe('endpoints', () => {
  it('are the ready ones, sorted, with zone, node and pod', () => {
    const targetRef = { kind: 'Pod', name: 'users-1' }
    const one = ready('10.0.0.2', {
      zone: 'a',
      nodeName: 'n1',
      targetRef,
      hints: { forZones: [{ name: 'b' }] },
    })
    expect(
      find([slice({ endpoints: [one, ready('10.0.0.1'), unready('10.0.0.3')] })], undefined, 'https'),
    ).toEqual([
      { url: 'https://10.0.0.1:8080', zone: '', metadata: {} },
      { url: 'https://10.0.0.2:8080', zone: 'a', metadata: { node: 'n1', pod: 'users-1' } },
    ])
  })

  it.each([
    ['no conditions', undefined],
    ['null', null],
    ['no `ready`', {}],
    ['`ready` null', { ready: null }],
  ])('are ready with %s', (_, conditions) => {
    expect(urls([slice({ endpoints: [{ addresses: ['10.0.0.1'], conditions }] })])).toHaveLength(1)
  })

  it('that end are used where none of the service is ready, and only if they serve', () => {
    const dead = { addresses: ['10.0.0.9'], conditions: { ready: false, serving: false, terminating: true } }
    const starting = {
      addresses: ['10.0.0.8'],
      conditions: { ready: false, serving: true, terminating: false },
    }
    const ending = slice({
      name: 'a',
      endpoints: [draining('10.0.0.1'), unready('10.0.0.2'), dead, starting],
    })
    expect(urls([ending])).toEqual(['http://10.0.0.1:8080'])
    expect(urls([ending, slice({ name: 'b', endpoints: [ready('10.0.0.7')] })])).toEqual([
      'http://10.0.0.7:8080',
    ])
  })

  it('have the first address; IPv6 is in brackets, and written in one way', () => {
    const six = slice({ name: 'six', addressType: 'IPv6', endpoints: [ready('2001:DB8:0::1')] })
    const two = { addresses: ['10.0.0.1', '10.0.0.2'] }
    expect(urls([six, slice({ endpoints: [two] })])).toEqual([
      'http://10.0.0.1:8080',
      'http://[2001:db8::1]:8080',
    ])
  })

  it('of FQDN slices are left out, and a service without slices or pods has none', () => {
    expect(urls([slice({ addressType: 'FQDN', endpoints: [ready('a.example')] })])).toEqual([])
    expect(urls([])).toEqual([])
    // As the API writes the slice of a service without pods.
    expect(urls([slice({ endpoints: null, ports: null })])).toEqual([])
  })

  it('that are in two slices are told once, a ready one before one that is not', () => {
    const here = slice({ name: 'a', endpoints: [draining('10.0.0.1')] })
    const there = slice({ name: 'b', endpoints: [ready('10.0.0.1', { zone: 'z' })] })
    const expected = [{ url: 'http://10.0.0.1:8080', zone: 'z', metadata: {} }]
    expect(find([here, there])).toEqual(expected)
    expect(find([there, here])).toEqual(expected)
  })

  it('do not depend on the order of the slices, and no url is there twice', () => {
    const address = fc.integer({ min: 1, max: 6 }).map((last) => `10.0.0.${last}`)
    const condition = fc.constantFrom(true, false, null, undefined)
    const endpoint = fc.record({
      addresses: fc.tuple(address),
      conditions: fc.record({ ready: condition, serving: condition, terminating: condition }),
      zone: fc.constantFrom('a', 'b', undefined),
      nodeName: fc.constantFrom('n1', 'n2', undefined),
    })
    const slices = fc
      .array(fc.array(endpoint, { maxLength: 4 }), { maxLength: 5 })
      .map((all) => all.map((endpoints, i) => slice({ name: `users-${i}`, endpoints })))
    fc.assert(
      fc.property(
        slices.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([one, other]) => {
          const found = find(one)
          expect(find(other)).toEqual(found)
          expect(new Set(found.map(({ url }) => url)).size).toBe(found.length)
          const isAnyReady = one.some(({ endpoints }) =>
            (endpoints as { conditions: { ready: unknown } }[]).some(
              ({ conditions }) => conditions.ready !== false,
            ),
          )
          if (isAnyReady) expect(found.length).toBeGreaterThan(0)
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })
})

describe('the port', () => {
  const GRPC = { name: 'grpc', protocol: 'TCP', port: 9090 }
  const endpoints = [ready('10.0.0.1')]
  const withPorts = (ports: unknown, name = 'users-a') => slice({ name, ports, endpoints })

  it.each<[string, unknown[], Port, number]>([
    ['the only one', [{ name: '', port: 81 }], undefined, 81],
    ['the only one of TCP', [{ name: 'quic', protocol: 'UDP', port: 443 }, GRPC], undefined, 9090],
    ['the one called http', [GRPC, HTTP_PORT], undefined, 8080],
    ['the one of that name', [GRPC, HTTP_PORT], 'grpc', 9090],
    ['the one of that number', [GRPC, HTTP_PORT], 9090, 9090],
    ['any number, where the slice sets no limit', [{ name: '', port: null }], 7000, 7000],
  ])('is %s', (_, ports, wanted, port) => {
    expect(urls([withPorts(ports)], wanted)).toEqual([`http://10.0.0.1:${port}`])
  })

  it.each<[unknown, Port, RegExp]>([
    [
      [GRPC, { ...GRPC, name: 'x', port: 1 }],
      undefined,
      /single port or one called "http".*"users-a" are: grpc 9090, x 1;/,
    ],
    [[GRPC], 'web', /the port "web": the ports of "users-a" are: grpc 9090; name one/],
    [[GRPC], 1, /the port 1:/],
    [null, undefined, /are: none/],
  ])('that is not there is a failure which lists them (%j, %j)', (ports, wanted, why) => {
    expect(() => find([withPorts(ports)], wanted)).toThrow(why)
    // A slice without pods has nothing that could be missing.
    expect(urls([slice({ ports, endpoints: [] })], wanted)).toEqual([])
  })

  it('that only some slices have leaves the others out: their pods do not have it', () => {
    const other = slice({ name: 'users-b', ports: null, endpoints: [ready('10.0.0.2')] })
    expect(urls([other, withPorts([HTTP_PORT])])).toEqual(['http://10.0.0.1:8080'])
  })
})

describe('a malformed slice is named, with what is wrong', () => {
  it.each<[unknown, RegExp]>([
    [null, /^EndpointSlice "\(without a name\)": it is no object/],
    [slice({ addressType: 'constructor' }), /^EndpointSlice "users-a": its addressType is "constructor"/],
    [slice({ endpoints: 'x' }), /its endpoints are no array/],
    [slice({ endpoints: [null] }), /its endpoint 1 is no object/],
    [slice({ endpoints: [ready('10.0.0.1'), { addresses: [] }] }), /its endpoint 2 has no address/],
    [slice({ endpoints: [ready('a.example')] }), /the address "a.example", which is no IPv4 address/],
    [slice({ endpoints: [ready('::1')] }), /"::1", which is no IPv4 address/],
    [slice({ addressType: 'IPv6', endpoints: [ready('fe80::1%eth0')] }), /no IPv6 address/],
    [slice({ ports: {} }), /its ports are no array/],
    [slice({ ports: [null] }), /its port 1 is no object/],
    [slice({ ports: [{ port: 0 }] }), /its port 1 is 0, not 1 to 65535/],
    [slice({ ports: [HTTP_PORT, { port: '80' }] }), /its port 2 is "80"/],
  ])('%#', (object, why) => {
    expect(() => find([object])).toThrow(why)
  })
})

describe('a set of slices', () => {
  const at = (version: string, object: SliceObject): SliceObject => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: version },
  })
  const one = slice({ endpoints: [ready('10.0.0.1')] })
  const none = slice({ endpoints: [] })
  const setOf = (...objects: unknown[]): SliceSet => {
    const set = new SliceSet({ scheme: 'http' })
    set.replace(objects)
    return set
  }
  const count = (set: SliceSet): number => set.endpoints().length

  it('ignores what is older than it knows, compared as numbers', () => {
    const set = setOf(at('9', none))
    set.put(at('10', one))
    set.put(at('9', none))
    set.remove(at('8', none))
    expect(count(set)).toBe(1)
    set.put(at('10', none))
    expect(count(set)).toBe(0)
  })

  it('takes what cannot be compared', () => {
    const set = setOf(at('b', none))
    set.put(at('a', one))
    expect(count(set)).toBe(1)
    expect(isOlder('', '1')).toBe(false)
    expect(isOlder('9', '10')).toBe(true)
    expect(isOlder('9007199254740992', '9007199254740993')).toBe(true)
    expect(isOlder('1'.repeat(1_000_000), '2'.repeat(1_000_000))).toBe(false)
  })

  it('does not bring back what was removed, and takes it again when it is made anew', () => {
    const set = setOf(at('1', one))
    set.remove(at('3', one))
    set.put(at('2', one))
    expect(count(set)).toBe(0)
    set.put(at('4', one))
    expect(count(set)).toBe(1)
    set.remove(at('5', slice({ name: 'unknown' })))
    expect(count(set)).toBe(1)
  })

  it('is malformed as long as one of its slices is', () => {
    const set = setOf(at('1', one), at('1', slice({ name: 'bad', endpoints: 'x' })))
    expect(() => set.endpoints()).toThrow(/"bad": its endpoints are no array/)
    set.put(at('2', slice({ name: 'bad' })))
    expect(count(set)).toBe(1)
    expect(() => set.put({})).toThrow(/neither metadata.uid nor metadata.name/)
  })
})
