import { expect, it } from 'vitest'
import { type AddressRange, addressFault } from '../../../lib/sources/dns/address-range.js'

/** Of each address: whether it may be an endpoint where all, public or private ones may. */
it.each<[string, string]>([
  ['8.8.8.8', 'all public'],
  ['2606:4700::1111', 'all public'],
  ['10.0.0.1', 'all private'],
  ['172.16.0.1', 'all private'],
  ['172.31.255.255', 'all private'],
  ['172.32.0.1', 'all public'],
  ['192.168.1.1', 'all private'],
  ['100.64.0.1', 'all private'],
  ['100.128.0.1', 'all public'],
  ['fd00::1', 'all private'],
  ['fc00::1', 'all private'],
  ['127.0.0.1', 'all'],
  ['127.255.255.254', 'all'],
  ['::1', 'all'],
  ['169.254.169.254', 'all'],
  ['fe80::1', 'all'],
  ['fec0::1', 'all'],
  ['192.0.2.1', 'all'],
  ['198.18.0.1', 'all'],
  ['240.0.0.1', 'all'],
  ['2001:db8::1', 'all'],
  ['4000::1', 'all'],
  // IPv4 within IPv6, in each way there is.
  ['::ffff:10.0.0.1', 'all private'],
  ['::ffff:127.0.0.1', 'all'],
  ['::ffff:8.8.8.8', 'all public'],
  ['::127.0.0.1', 'all'],
  ['64:ff9b:1::7f00:1', 'all'],
  ['64:ff9b::7f00:1', 'all'],
  ['2002:7f00:1::', 'all'],
  ['2001:0:7f00:1::', 'all'],
  ['::ffff:0:127.0.0.1', 'all'],
  // Never.
  ['0.0.0.0', ''],
  ['0.1.2.3', ''],
  ['::', ''],
  ['::ffff:0.0.0.0', ''],
  ['224.0.0.1', ''],
  ['239.255.255.255', ''],
  ['ff02::1', ''],
  ['255.255.255.255', ''],
])('%s may be an endpoint where these may: %s', (address, ranges) => {
  const taken = (['all', 'public', 'private'] satisfies AddressRange[]).filter(
    (range) => addressFault(address, range) === undefined,
  )
  expect(taken.join(' ')).toBe(ranges)
})

it.each<[string, AddressRange, string]>([
  ['0.0.0.0', 'all', 'stands for no host'],
  ['ff02::1', 'private', 'is of many hosts (multicast)'],
  ['255.255.255.255', 'all', 'is of all hosts (broadcast)'],
  ['127.0.0.1', 'private', 'is of this machine (loopback)'],
  ['::ffff:169.254.169.254', 'public', 'is of this link (link-local)'],
  ['10.0.0.1', 'public', 'is private'],
  ['8.8.8.8', 'private', 'is not private'],
  ['192.0.2.1', 'public', 'is not public'],
])('%s, where %s ones are wanted, %s', (address, range, why) => {
  expect(addressFault(address, range)).toBe(why)
})
