import { type ServerResponse, STATUS_CODES } from 'node:http'

const CONTINUE = 100
const SWITCHING_PROTOCOLS = 101

/**
 * Hands an endpoint's 1xx answer on (RFC 9110, 15.2: a proxy must). Node's own `writeEarlyHints` takes only some of the
 * `link` fields that are legal, so it is written here. Not handed on: 100, which this server sends itself to those who
 * wait for it; to HTTP/1.0, which would take it for the answer; and to a client that does not read, since hints are not
 * worth keeping.
 */
export function sendInformation(response: ServerResponse, status: number, headers: readonly string[]): void {
  const { socket, req } = response
  if (status === CONTINUE || status === SWITCHING_PROTOCOLS || req.httpVersion === '1.0') return
  // Without a socket it is not this response's turn; with one, nothing stands before it.
  if (response.headersSent || socket === null || !socket.writable || socket.writableNeedDrain) return
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  for (let i = 0; i + 1 < headers.length; i += 2) {
    // It has no body, and nothing shall make a client wait for one.
    if (headers[i].toLowerCase() !== 'content-length') text += `${headers[i]}: ${headers[i + 1]}\r\n`
  }
  socket.write(`${text}\r\n`, 'latin1')
}
