import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** How long a client may go on sending after the last answer, ms (nginx: `lingering_timeout`). */
export const LINGER_MS = 5000

/**
 * The answer is the last on its connection, though the client is still sending. The connection is half closed, and what
 * still comes is read, by whoever reads the request, until the client ends too: to close it at once would make the
 * kernel answer the unread bytes with a reset, and the client could lose the end of the answer.
 */
export function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false
  if (response.socket !== null) lingerAtEnd(response.socket)
}

/** From now on the end of the last answer only half closes the connection, for as long as the client may linger. */
export function lingerAtEnd(socket: Socket): void {
  // What Node calls when the last answer has gone out.
  socket.destroySoon = () => endLingering(socket)
}

export function endLingering(socket: Socket): void {
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}
