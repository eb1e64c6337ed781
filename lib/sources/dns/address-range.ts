/** Which addresses a name may lead to: a DNS server of others can say any, such as one of this machine or of its network. */
import { createRequire } from 'node:module'
import type { IPv4, IPv6 } from 'ipaddr.js'

const require = createRequire(import.meta.url)

let library: typeof import('ipaddr.js') | undefined

/** Loaded with the first answer. */
function loadIpaddr(): typeof import('ipaddr.js') {
  library ??= require('ipaddr.js') as typeof import('ipaddr.js')
  return library
}

export type AddressRange = 'all' | 'public' | 'private'

/** They are no single host: no request can go there, whatever a configuration allows. */
const NEVER: Readonly<Record<string, string>> = {
  unspecified: 'stands for no host',
  multicast: 'is of many hosts (multicast)',
  broadcast: 'is of all hosts (broadcast)',
}
/** RFC 1918, RFC 4193, and what providers and clouds use inside of their networks (RFC 6598). */
const PRIVATE: ReadonlySet<string> = new Set(['private', 'uniqueLocal', 'carrierGradeNat'])
const NAMES: Readonly<Record<string, string>> = {
  loopback: 'is of this machine (loopback)',
  linkLocal: 'is of this link (link-local)',
  private: 'is private',
  uniqueLocal: 'is private (unique local)',
  carrierGradeNat: "is of a provider's network",
}
/** 2000::/3 is all of IPv6 that is given out to the public. */
const GLOBAL_MASK = 0xe000
const GLOBAL_PREFIX = 0x2000

/** Why an address cannot be an endpoint, as words that go on from it; undefined: it can. */
export function addressFault(address: string, wanted: AddressRange): string | undefined {
  // IPv4 within IPv6 (`::ffff:127.0.0.1`) is that IPv4 address.
  const parsed = loadIpaddr().process(address)
  const range = parsed.range()
  if (NEVER[range] !== undefined) return NEVER[range]
  if (wanted === 'all') return undefined
  const isRight = wanted === 'private' ? PRIVATE.has(range) : range === 'unicast' && isGlobal(parsed)
  return isRight ? undefined : (NAMES[range] ?? `is not ${wanted}`)
}

const isGlobal = (address: IPv4 | IPv6): boolean =>
  address.kind() === 'ipv4' || ((address as IPv6).parts[0] & GLOBAL_MASK) === GLOBAL_PREFIX
