/** Requests and answers between undici's form, which the balancer speaks, and that of Node's HTTP client. */
import type { Agent, RequestOptions } from 'node:http'
import type { Dispatcher } from 'undici'
import type { RawHeaders } from '../../clients/handler.js'
import type { EndpointOptions } from './endpoint-options.js'

/** Methods whose requests Node takes to have no body where nothing else is said (RFC 9110, 9.3). */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/** A request's options for Node: its fields as they are, and where its body ends. */
export function requestOptions(
  { path, method, headers, body, upgrade, ...rest }: Dispatcher.DispatchOptions,
  endpoint: EndpointOptions,
  agent: Agent,
): RequestOptions {
  const { host, port, authority, secure, maxHeaderSize } = endpoint
  const fields = [...((headers ?? []) as string[])]
  const given = fieldOf(fields, 'host')
  if (given === undefined) fields.unshift('host', authority)
  const length = fieldOf(fields, 'content-length')
  if (body === null && length === undefined && !WITHOUT_BODY.has(method)) fields.push('content-length', '0')
  if (body !== null && length === undefined) fields.push('transfer-encoding', 'chunked')
  if (upgrade) fields.push('connection', 'upgrade', 'upgrade', String(upgrade))
  const options: RequestOptions & { servername?: string } = {
    agent,
    host,
    port,
    path,
    method,
    headers: fields as never,
    setHost: false,
  }
  if (maxHeaderSize !== undefined) options.maxHeaderSize = maxHeaderSize
  if (secure)
    options.servername = servernameOf(endpoint, (rest as { servername?: string }).servername ?? given)
  return options
}

/** For TLS, as undici has it: what was configured, or the name in the Host field, which is the service's own by then. */
function servernameOf({ servername, host }: EndpointOptions, given: string | undefined): string {
  const name = servername ?? given?.replace(/:\d*$/, '') ?? host
  // An address is no name.
  return /^[\d.]+$|:/.test(name) ? '' : name
}

/** A field's value; of several of that name, all. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  let found: string | undefined
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i].length !== name.length || fields[i].toLowerCase() !== name) continue
    found = found === undefined ? fields[i + 1] : `${found}, ${fields[i + 1]}`
  }
  return found
}

export const asBuffers = (texts: readonly string[]): RawHeaders =>
  texts.map((text) => Buffer.from(text, 'latin1'))

/** Node reads a status text as Latin-1, undici as UTF-8. */
export const asUtf8 = (text: string): string =>
  /[\x80-\xff]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text
