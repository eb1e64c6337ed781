import type { IncomingMessage } from 'node:http'

/**
 * A request's body for the endpoint, no faster than that reads it. An endpoint that answers before it has read all of it
 * ends the reading, not the client's connection, over which the answer still has to go: the rest is read and dropped.
 *
 * @param begun called when an endpoint begins to read
 */
export async function* requestBody(request: IncomingMessage, begun: () => void): AsyncGenerator<Buffer> {
  begun()
  try {
    yield* request.iterator({ destroyOnReturn: false })
  } finally {
    request.resume()
  }
}

export type BodyFraming = 'none' | 'body' | 'unknown-coding'

/** Whether a request has a body, by its header fields; `chunked` is the only coding that Node undoes (RFC 9112, 6.1). */
export function framingOf({ headers }: IncomingMessage): BodyFraming {
  const coding = headers['transfer-encoding']
  if (coding !== undefined) return coding.trim().toLowerCase() === 'chunked' ? 'body' : 'unknown-coding'
  return Number(headers['content-length'] ?? 0) > 0 ? 'body' : 'none'
}
