/** What an endpoint URL and a service name may look like. */
import { isIPv4 } from 'node:net'

export interface Origin {
  /** `http://10.0.0.1:8080`: no trailing slash, no default port. */
  readonly url: string
  /** IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

const DIGITS_AND_DOTS = /^[\d.]+$/
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/
const HTTP_PORT = 80
const HTTPS_PORT = 443
const MAX_PORT = 65_535
/** Letters that WHATWG parsing drops or turns into others without a word. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const SPACE_OR_CONTROL = /[\u0000-\u0020\u007f]/
const EXAMPLE = '`http://10.0.0.1:8080`'
const NAME_EXAMPLE = 'a service name looks like `users` or `users:8080`'

/** URLs that parsing keeps as they are: a lower-case name whose last label begins with a letter, or four numbers. */
const COMMON = /^(https?):\/\/((?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*|\d+\.\d+\.\d+\.\d+)(?::([1-9]\d{0,4}))?\/?$/

/** Most URLs without `new URL`, which takes a third of the time of a whole configuration of 10,000 endpoints. */
function parseCommonOrigin(text: string): Origin | undefined {
  const match = COMMON.exec(text)
  if (match === null) return undefined
  const [, scheme, host, portText] = match
  const standard = scheme === 'https' ? HTTPS_PORT : HTTP_PORT
  const port = portText === undefined ? standard : Number(portText)
  if (port > MAX_PORT || host.includes('xn--') || (DIGITS_AND_DOTS.test(host) && !isIPv4(host)))
    return undefined
  return { url: port === standard ? `${scheme}://${host}` : `${scheme}://${host}:${port}`, host, port }
}

/** The origin of an endpoint URL, or, as a string, what is wrong with the URL. */
export function parseOrigin(text: string): Origin | string {
  return parseCommonOrigin(text) ?? parseAnyOrigin(text)
}

/** As `parseOrigin`, for every URL. */
export function parseAnyOrigin(text: string): Origin | string {
  if (text === '') return `is empty; an endpoint URL looks like ${EXAMPLE}`
  if (SPACE_OR_CONTROL.test(text)) return 'has a space or control character in it; an endpoint URL has none'
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]
  if (scheme === undefined) {
    return `does not begin with \`http://\` or \`https://\`; write \`http://${text.replace(/^(https?:)?[/\\]*/i, '')}\``
  }
  if (!/^https?$/i.test(scheme)) return `has scheme \`${scheme}:\`; endpoints speak \`http:\` or \`https:\``
  const authority = text.slice(scheme.length + 3).split(/[/?#\\]/, 1)[0]
  const port = /:(\d*)$/.exec(authority)?.[1]
  if (port !== undefined && (Number(port) > MAX_PORT || (port !== '' && Number(port) === 0))) {
    return `has port ${port}; a port is 1 to 65,535`
  }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return `cannot be parsed as a URL; an endpoint URL looks like ${EXAMPLE}`
  }
  if (url.username !== '' || url.password !== '' || authority.includes('@')) {
    return `has credentials in it; an endpoint URL has none, write \`${url.origin}\` and send an Authorization header`
  }
  if (text.includes('?')) return `has a query; an endpoint URL has none, write \`${url.origin}\``
  if (text.includes('#')) return `has a fragment; an endpoint URL has none, write \`${url.origin}\``
  if (url.pathname !== '/') {
    return `has path \`${url.pathname}\`; an endpoint URL has no path, write \`${url.origin}\` and put the path into the request`
  }
  if (IPV4.test(url.hostname) && !authority.startsWith(url.hostname))
    return `means \`${url.origin}\`; write that`
  return {
    url: url.origin,
    host: url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname,
    port: url.port !== '' ? Number(url.port) : url.protocol === 'https:' ? HTTPS_PORT : HTTP_PORT,
  }
}

/**
 * What is wrong with the name of a service; undefined when nothing is. A request's URL names its service by `host[:port]`
 * after WHATWG parsing, so a name that parsing changes would never match.
 */
export function serviceNameFault(name: string): string | undefined {
  if (name === '') return `is empty; ${NAME_EXAMPLE}`
  if (name.includes('*'))
    return `${JSON.stringify(name)} has a \`*\` in it, which only the pattern of a rule may have`
  const http = hostOf(`http://${name}`)
  if (http === undefined) return `${JSON.stringify(name)} cannot be the host of a URL; ${NAME_EXAMPLE}`
  const https = hostOf(`https://${name}`)
  if (http !== name || https !== name) {
    const made = http !== name ? http : (https as string)
    const scheme = http !== name ? '' : ' of https'
    if (made === '') return `${JSON.stringify(name)} cannot be the host of a URL; ${NAME_EXAMPLE}`
    return `no request can match ${JSON.stringify(name)}, because URL parsing${scheme} makes it \`${made}\`; name the service \`${made}\``
  }
  if (/\.(:\d+)?$/.test(name)) {
    const bare = name.replace(/\.(?=$|:)/, '')
    return `${JSON.stringify(name)} ends in a dot, which URL parsing keeps: requests to \`${bare}\` would not match; name the service \`${bare}\``
  }
  return undefined
}

function hostOf(text: string): string | undefined {
  try {
    return new URL(text).host
  } catch {
    return undefined
  }
}

/** What is wrong with a pattern of service names; undefined when nothing is. `*` stands for any run of characters. */
export function patternFault(pattern: string): string | undefined {
  if (!pattern.includes('*')) return serviceNameFault(pattern)
  if (pattern.includes('**')) return 'has `**` in it, which means the same as `*`; write `*`'
  const lower = pattern.toLowerCase()
  if (lower !== pattern) return `has upper-case letters, which no service name has; write \`${lower}\``
  const odd = /[^a-z0-9*._:[\]~!$&'()+,;=%-]/.exec(pattern)?.[0]
  if (odd !== undefined) return `has ${JSON.stringify(odd)} in it, which no service name has`
  return undefined
}
