import type { ServerResponse } from 'node:http'

/** How long a client may go on sending after an answer that came early, ms (nginx: `lingering_timeout`). */
const LINGER_MS = 5000

/**
 * The answer is the last on its connection, though the client is still sending. The connection is half closed, and what
 * still comes is read, by whoever reads the request, until the client ends too: to close it at once would make the
 * kernel answer the unread bytes with a reset, and the client could lose the end of the answer.
 */
export function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false
  const { socket } = response
  if (socket === null) return
  // What Node calls when the last answer has gone out.
  socket.destroySoon = () => {
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}
