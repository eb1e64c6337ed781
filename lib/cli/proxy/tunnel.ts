import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { RawHeaders } from '../../clients/handler.js'
import { responseHeaders } from './headers.js'
import { StallWatch, sendPosition } from './stall-watch.js'

const SWITCHING_PROTOCOLS = 101

/**
 * The endpoint has agreed to another protocol (WebSocket): from here on bytes go both ways unread, each side no faster
 * than the other takes them, and either side's end is the other's.
 */
export class Tunnel {
  readonly #client: Socket
  readonly #endpoint: Socket
  readonly #toClient = new StallWatch()
  readonly #toEndpoint = new StallWatch()
  readonly #halfClosed = new StallWatch()

  /** @param early what the client has sent beyond its request */
  constructor(client: Socket, early: readonly Buffer[], endpoint: Socket, raw: RawHeaders) {
    this.#client = client
    this.#endpoint = endpoint
    client.write(statusLine(raw), 'latin1')
    for (const chunk of early) endpoint.write(chunk)
    for (const [from, to] of [
      [client, endpoint],
      [endpoint, client],
    ]) {
      from.on('error', () => to.destroy())
      from.once('close', () => to.destroy())
      from.pipe(to)
    }
  }

  /** ms for which a side has not taken a byte of what waits for it, or has not ended though the other side has. */
  stillFor(nowMs: number): number {
    const [client, endpoint] = [this.#client, this.#endpoint]
    const halfClosed = client.readableEnded || endpoint.readableEnded
    return Math.max(
      this.#toClient.stillFor(sendPosition(client), nowMs),
      this.#toEndpoint.stillFor(sendPosition(endpoint), nowMs),
      this.#halfClosed.stillFor(halfClosed ? client.bytesRead + endpoint.bytesRead : undefined, nowMs),
    )
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
