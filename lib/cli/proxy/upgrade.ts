import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RawHeaders } from '../../clients/handler.js'
import { responseHeaders } from './headers.js'

const SWITCHING_PROTOCOLS = 101

/**
 * The endpoint has agreed to another protocol (WebSocket): from here on bytes go both ways unread, each side no faster
 * than the other takes them, and either side's end is the other's.
 */
export function joinSockets(client: Duplex, head: Buffer, endpoint: Duplex, raw: RawHeaders): void {
  client.write(statusLine(raw))
  if (head.length > 0) endpoint.write(head)
  for (const [from, to] of [
    [client, endpoint],
    [endpoint, client],
  ]) {
    from.on('error', () => to.destroy())
    from.once('close', () => to.destroy())
    from.pipe(to)
  }
}

function statusLine(raw: RawHeaders): string {
  let protocol = ''
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i].toString('latin1').toLowerCase() === 'upgrade') protocol = raw[i + 1].toString('latin1')
  }
  const headers = [...responseHeaders(raw, ''), 'connection', 'upgrade', 'upgrade', protocol]
  const lines = [`HTTP/1.1 ${SWITCHING_PROTOCOLS} ${STATUS_CODES[SWITCHING_PROTOCOLS]}`]
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}
