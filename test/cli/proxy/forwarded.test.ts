/** Who the client is, and what endpoints are told of it. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { forwardingFields, type Peer, parseRange, TrustedProxies } from '../../../lib/cli/proxy/forwarded.js'

const request = (headers: Record<string, string | string[]> = {}) =>
  ({ headers }) as unknown as IncomingMessage

const NONE = new TrustedProxies({ trustForwarded: false })
const ALL = new TrustedProxies({ trustForwarded: true })
const SOME = new TrustedProxies({ trustForwarded: true, trustedProxies: ['10.0.0.0/8', 'fd00::/8'] })

describe('the peer of a connection', () => {
  it('is believed where all are, or where it is in a range; ranges stand above all', () => {
    expect(NONE.peer('10.0.0.1')).toEqual({ address: '10.0.0.1', trusted: false })
    expect(ALL.peer('203.0.113.1')).toEqual({ address: '203.0.113.1', trusted: true })
    expect(SOME.peer('10.0.0.1')).toEqual({ address: '10.0.0.1', trusted: true })
    expect(SOME.peer('fd00::1')).toEqual({ address: 'fd00::1', trusted: true })
    expect(SOME.peer('203.0.113.1')).toEqual({ address: '203.0.113.1', trusted: false })
    expect(SOME.peer('fe80::1')).toEqual({ address: 'fe80::1', trusted: false })
  })

  it('is an IPv4 address where it is a mapped one, and loses the zone of a link', () => {
    expect(SOME.peer('::ffff:10.0.0.1').address).toBe('10.0.0.1')
    expect(SOME.peer('fe80::1%eth0').address).toBe('fe80::1')
  })

  it('that is gone already has no address, and is believed only where all are', () => {
    expect(SOME.peer(undefined)).toEqual({ address: '', trusted: false })
    expect(NONE.peer(undefined)).toEqual({ address: '', trusted: false })
  })
})

describe('the addresses that x-forwarded-for names', () => {
  const PEER: Peer = { address: '10.0.0.1', trusted: true }

  it('count for nothing where the peer is not believed, or names none', () => {
    const named = request({ 'x-forwarded-for': '203.0.113.9' })
    expect(NONE.chain(named, { address: '10.0.0.1', trusted: false })).toEqual([])
    expect(SOME.chain(request(), PEER)).toEqual([])
    expect(SOME.clientOf([], PEER)).toBe('10.0.0.1')
    expect(ALL.clientOf([], PEER)).toBe('10.0.0.1')
  })

  it('are all believed without ranges; the client is the one that the peer saw', () => {
    const named = request({ 'x-forwarded-for': ' 6.6.6.6 ,, unknown,203.0.113.9 ' })
    const chain = ALL.chain(named, PEER)
    expect(chain).toEqual(['6.6.6.6', 'unknown', '203.0.113.9'])
    expect(ALL.clientOf(chain, PEER)).toBe('203.0.113.9')
  })

  it('are believed with ranges up to the first that is in none, from behind', () => {
    const named = request({ 'x-forwarded-for': '10.6.6.6, 203.0.113.9, fd00::2, 10.0.0.2' })
    const chain = SOME.chain(named, PEER)
    expect(chain).toEqual(['203.0.113.9', 'fd00::2', '10.0.0.2'])
    expect(SOME.clientOf(chain, PEER)).toBe('203.0.113.9')
  })

  it('are one at least where it is an address', () => {
    expect(SOME.chain(request({ 'x-forwarded-for': '203.0.113.9' }), PEER)).toEqual(['203.0.113.9'])
    expect(SOME.chain(request({ 'x-forwarded-for': '10.0.0.3, 10.0.0.2' }), PEER)).toEqual([
      '10.0.0.3',
      '10.0.0.2',
    ])
  })

  it('are believed with ranges up to what is no address', () => {
    const chain = SOME.chain(request({ 'x-forwarded-for': '203.0.113.9, unknown, 10.0.0.2' }), PEER)
    expect(chain).toEqual(['10.0.0.2'])
    expect(SOME.clientOf(chain, PEER)).toBe('10.0.0.2')
  })

  it.each([
    ['203.0.113.9:4711', '203.0.113.9'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
  ])('may have a port: %s', (text, address) => {
    expect(SOME.clientOf(SOME.chain(request({ 'x-forwarded-for': text }), PEER), PEER)).toBe(address)
  })

  it('that are no address leave the peer as the client', () => {
    expect(ALL.clientOf(['203.0.113.9', 'unknown'], PEER)).toBe('10.0.0.1')
  })
})

describe('a range', () => {
  const includes = (range: string, address: string) =>
    new TrustedProxies({ trustForwarded: false, trustedProxies: [range] }).peer(address).trusted

  it.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['2001:db8::1', '2001:db8::1', true],
    ['2001:db8::1', '2001:db8::2', false],
    ['10.1.0.0/16', '10.1.255.255', true],
    ['10.1.0.0/16', '10.2.0.0', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '203.0.113.9', false],
    ['::/0', '2001:db8::1', true],
    // Mapped ones are the IPv4 ranges that they hold.
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['::ffff:10.0.0.0/104', '11.0.0.0', false],
    ['::ffff:0.0.0.0/96', '203.0.113.9', true],
    ['::ffff:10.0.0.1/128', '10.0.0.1', true],
    ['::ffff:10.0.0.1/128', '10.0.0.2', false],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    // Wider than the mapped addresses: IPv6.
    ['::ffff:0.0.0.0/95', '203.0.113.9', false],
    ['::ffff:0.0.0.0/95', '::fffe:1:1', true],
  ])('%s has %s: %s', (range, address, is) => {
    expect(includes(range, address)).toBe(is)
  })

  it.each(['10.1', '010.0.0.1', 'x/8', '10.0.0.0/33', '10.0.0.0/', '::/129', 'fd00::/8/8'])(
    'is none: %s',
    (text) => {
      expect(parseRange(text)).toBeUndefined()
    },
  )
})

describe('what an endpoint is told', () => {
  const fieldsOf = (
    headers: Record<string, string | string[]>,
    {
      trusted = true,
      chain = [] as string[],
      client = '203.0.113.9',
      authority = 'own.example',
      address = '10.0.0.1',
    } = {},
  ): Record<string, string> => {
    const flat = forwardingFields(request(headers), { address, trusted }, chain, client, authority)
    return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => flat.slice(2 * i, 2 * i + 2)))
  }
  const CLAIMS = {
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'other.example',
    'x-real-ip': '6.6.6.6',
    forwarded: 'for=6.6.6.6',
  }

  it('of a client that is not believed is its own address and Host field, and nothing else', () => {
    const told = { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'http' }
    expect(fieldsOf(CLAIMS, { trusted: false })).toEqual({ ...told, 'x-forwarded-host': 'own.example' })
    expect(fieldsOf(CLAIMS, { trusted: false, authority: '' })).toEqual(told)
  })

  it('of one that is believed is what it says, with its own address at the end', () => {
    expect(fieldsOf(CLAIMS, { chain: ['203.0.113.9', '10.0.0.2'] })).toEqual({
      'x-forwarded-for': '203.0.113.9, 10.0.0.2, 10.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'other.example',
      'x-real-ip': '203.0.113.9',
      forwarded: 'for=6.6.6.6, for=10.0.0.1',
    })
  })

  it('of one that is believed and says nothing is what is seen here', () => {
    const told = { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'http' }
    expect(fieldsOf({})).toEqual({ ...told, 'x-forwarded-host': 'own.example' })
    expect(fieldsOf({}, { authority: '' })).toEqual(told)
  })

  it('is the first host and the first protocol where proxies have named several', () => {
    const told = fieldsOf({
      'x-forwarded-proto': ' wss , http',
      'x-forwarded-host': ['first.example:81', 'second.example'],
    })
    expect(told['x-forwarded-proto']).toBe('wss')
    expect(told['x-forwarded-host']).toBe('first.example:81')
  })

  it.each(['http', 'HTTPS', 'ws', 'wss'])('is the protocol %s as it was named', (protocol) => {
    expect(fieldsOf({ 'x-forwarded-proto': protocol })['x-forwarded-proto']).toBe(protocol)
  })

  it('is neither a protocol nor a host that is none', () => {
    const told = fieldsOf({ 'x-forwarded-proto': 'xhttp', 'x-forwarded-host': 'a"b' })
    expect(told).toMatchObject({ 'x-forwarded-proto': 'http', 'x-forwarded-host': 'own.example' })
  })

  it('names an IPv6 address in `forwarded` in brackets and quotes', () => {
    expect(fieldsOf({ forwarded: 'for=x' }, { address: '2001:db8::1' })['forwarded']).toBe(
      'for=x, for="[2001:db8::1]"',
    )
  })
})
