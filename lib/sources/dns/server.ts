/** The address of a DNS server, as node:dns `getServers()` writes it. */
import { isIP } from 'node:net'
import { ArgumentError } from '../../errors.js'

const DNS_PORT = 53
const MAX_PORT = 65_535

export interface Server {
  readonly address: string
  readonly port: number
  readonly family: 4 | 6
  /** With the port, for messages: `127.0.0.1:53`, `[::1]:53`. */
  readonly label: string
}

/** `ip`, `ip:port`, `[v6]` or `[v6]:port`. */
export function parseServer(text: string): Server {
  const [, bracketed, port] = /^\[(.+)\](?::(\d{1,5}))?$/.exec(text) ?? []
  if (bracketed !== undefined) return server(text, bracketed, port)
  if (isIP(text) !== 0) return server(text, text)
  const colon = text.lastIndexOf(':')
  return server(text, text.slice(0, Math.max(colon, 0)), text.slice(colon + 1))
}

function server(text: string, address: string, portText?: string): Server {
  const family = isIP(address)
  const port = portText === undefined ? DNS_PORT : Number(portText)
  if ((family !== 4 && family !== 6) || !Number.isInteger(port) || port < 1 || port > MAX_PORT)
    throw new ArgumentError(
      `"${text}" is not the address of a DNS server; write \`10.0.0.2\`, \`10.0.0.2:53\` or \`[fd00::2]:53\``,
    )
  return { address, port, family, label: family === 6 ? `[${address}]:${port}` : `${address}:${port}` }
}
