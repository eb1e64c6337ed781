import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** Fields that only mean something to a server that takes the upgrade to HTTP/2 (RFC 7540, 3.2.1). */
const UPGRADE_FIELDS = new Set(['upgrade', 'http2-settings'])

/** `Upgrade: h2c`: the client would like HTTP/2 on this connection; RFC 9113 has dropped that. */
export const asksForHttp2 = ({ headers }: IncomingMessage): boolean =>
  (headers.upgrade ?? '').split(',').some((protocol) => /^\s*h2c\s*$/i.test(protocol))

/**
 * Serves a request for an upgrade as if it had asked for none, which the client has to expect (RFC 9110, 7.8). Node has
 * let go of the connection by then, so it gets the request's head once more, without the upgrade, and what came after it.
 */
export function serveWithoutUpgrade(
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  rest: Buffer,
): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toLowerCase()
    if (UPGRADE_FIELDS.has(name)) continue
    const value = name === 'connection' ? withoutUpgrade(raw[i + 1]) : raw[i + 1]
    if (value !== '') lines.push(`${raw[i]}: ${value}`)
  }
  // Node's own, of which it puts on new ones.
  socket.removeAllListeners('pause').removeAllListeners('resume')
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), rest]))
  server.emit('connection', socket)
}

const withoutUpgrade = (connection: string): string =>
  connection
    .split(',')
    .map((option) => option.trim())
    .filter((option) => !UPGRADE_FIELDS.has(option.toLowerCase()))
    .join(', ')
