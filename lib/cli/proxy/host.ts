/** Hosts: which are valid in a request, and when two names mean the same one. */
import { isIPv6 } from 'node:net'

/** RFC 3986, `reg-name`, without the comma, by which a list of two would look like one. */
const NAME = /^[A-Za-z0-9._~!$&'()*+;=%-]*$/
const WITH_PORT = /^(.*?)(?::(\d*))?$/
/** Names that stay as they are when they are parsed: nearly all. */
const PLAIN = /^(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*$/
const MAX_PORT = 65_535
/** A name has 255 bytes at most (RFC 1035); the rest is for the port. */
const MAX_LENGTH = 262

/** Whether a Host field's value, or the authority of an absolute target, is a host with or without a port (RFC 9110, 7.2). */
export function isAuthority(text: string): boolean {
  if (text === lastRight) return true
  if (text.length > MAX_LENGTH || !isRight(text)) return false
  lastRight = text
  return true
}

/** Most requests are for the host of the one before. */
let lastRight = ''

function isRight(text: string): boolean {
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    return isIPv6(text.slice(1, Math.max(end, 1))) && /^(?::\d*)?$/.test(text.slice(end + 1)) && hasPort(text)
  }
  const name = WITH_PORT.exec(text)?.[1] ?? text
  return NAME.test(name) && hasPort(text)
}

const hasPort = (text: string): boolean => Number(/:(\d*)$/.exec(text)?.[1] ?? 0) <= MAX_PORT

/** The host of an authority as it is compared: no port, lower case, no final dot, IDN as punycode, IPv6 in its shortest form. */
export function canonicalHost(authority: string): string {
  const host = authority.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
  if (PLAIN.test(host) && !host.includes('xn--')) return host
  try {
    return new URL(`http://${host}`).hostname.replace(/\.$/, '')
  } catch {
    return host
  }
}
