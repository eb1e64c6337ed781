/** Who the client is, and what endpoints are told of it: the fields that proxies set for those behind them. */
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import { isAuthority } from './host.js'
import type { Listen } from './listen.js'

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Whom the client's connection comes from, worked out once for each connection. */
export interface Peer {
  readonly address: string
  /** It is a proxy whose forwarding fields are believed. */
  readonly trusted: boolean
}

const NOBODY: readonly string[] = []

/** Which proxies in front are believed, and what that makes of a request's forwarding fields. */
export class TrustedProxies {
  readonly #ranges: readonly Range[] | undefined
  readonly #everyone: boolean

  constructor({ trustForwarded, trustedProxies }: Pick<Listen, 'trustForwarded' | 'trustedProxies'>) {
    this.#ranges = trustedProxies?.map((text) => parseRange(text) as Range)
    this.#everyone = trustForwarded
  }

  peer(remoteAddress: string | undefined): Peer {
    const parsed = parseAddress(remoteAddress)
    const address = parsed?.toString() ?? ''
    return { address, trusted: this.#ranges === undefined ? this.#everyone : this.#includes(address) }
  }

  /**
   * The addresses that `x-forwarded-for` names and that are believed, the client first; empty where none is. With ranges
   * that is up to the last one that is no trusted proxy: whatever stands before it, that one may have made up.
   */
  chain(request: IncomingMessage, peer: Peer): readonly string[] {
    const field = peer.trusted ? request.headers['x-forwarded-for'] : undefined
    if (field === undefined) return NOBODY
    const named = String(field)
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
    if (this.#ranges === undefined) return named
    let first = named.length
    while (first > 0 && parseAddress(named[first - 1]) !== undefined) {
      first--
      if (!this.#includes(named[first])) break
    }
    return named.slice(first)
  }

  /** The client's address: with ranges the first of the chain, else the one that the trusted peer names. */
  clientOf(chain: readonly string[], peer: Peer): string {
    const named = this.#ranges === undefined ? chain.at(-1) : chain[0]
    return parseAddress(named)?.toString() ?? peer.address
  }

  #includes(text: string): boolean {
    const address = parseAddress(text)
    return address !== undefined && (this.#ranges ?? []).some((range) => isWithin(address, range))
  }
}

/** An address or a range in CIDR notation; undefined where the text is neither. */
export function parseRange(text: string): Range | undefined {
  try {
    if (text.includes('/')) {
      const [address, bits] = ipaddr.parseCIDR(text)
      const mapped = address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress() && bits >= 96
      return mapped ? [(address as ipaddr.IPv6).toIPv4Address(), bits - 96] : [address, bits]
    }
  } catch {
    return undefined
  }
  const address = parseAddress(text)
  return address === undefined ? undefined : [address, address.kind() === 'ipv4' ? 32 : 128]
}

/** Mapped IPv4 addresses as IPv4; a port, as some proxies add it, is not taken for a part of the address. */
function parseAddress(text: string | undefined): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (text === undefined) return undefined
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  const plain = bare.replace(/%.*$/, '')
  // Short forms like `10.1` and octal ones mean different addresses to different readers.
  if (!ipaddr.IPv6.isValid(plain) && !ipaddr.IPv4.isValidFourPartDecimal(plain)) return undefined
  return ipaddr.process(plain)
}

const isWithin = (address: ipaddr.IPv4 | ipaddr.IPv6, [range, bits]: Range): boolean =>
  address.kind() === range.kind() && address.match(range as never, bits)

const PROTOCOL = /^(?:https?|wss?)$/i

/** The forwarding fields for the endpoint, as a flat list. */
export function forwardingFields(
  request: IncomingMessage,
  peer: Peer,
  chain: readonly string[],
  client: string,
  authority: string,
): string[] {
  if (!peer.trusted) {
    const fields = ['x-forwarded-for', peer.address, 'x-forwarded-proto', 'http']
    if (authority !== '') fields.push('x-forwarded-host', authority)
    return fields
  }
  const { headers } = request
  const protocol = firstOf(headers['x-forwarded-proto'])
  const named = firstOf(headers['x-forwarded-host'])
  const host = named !== '' && isAuthority(named) ? named : authority
  const fields = ['x-forwarded-for', [...chain, peer.address].join(', ')]
  fields.push('x-forwarded-proto', PROTOCOL.test(protocol) ? protocol : 'http')
  if (host !== '') fields.push('x-forwarded-host', host)
  if (headers['x-real-ip'] !== undefined) fields.push('x-real-ip', client)
  if (headers.forwarded !== undefined)
    fields.push('forwarded', `${headers.forwarded}, ${forOf(peer.address)}`)
  return fields
}

/** RFC 7239, 6: an IPv6 address stands in brackets and quotes. */
const forOf = (address: string): string => (address.includes(':') ? `for="[${address}]"` : `for=${address}`)

const firstOf = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : (value ?? '').split(',')[0]).trim()
