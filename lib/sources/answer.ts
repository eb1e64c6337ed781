/** What a server answers, read with bounds; and what is said of it where it cannot be read. */
import type { Readable } from 'node:stream'

/** The chunks of a body, as they come. Throws the signal's reason, or what broke off. */
export async function* chunksOf(
  name: string,
  body: Readable,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk as Uint8Array
  } catch (error) {
    throw signal.aborted ? signal.reason : withCause(`${name} broke off`, error)
  }
}

/** A whole body, of at most so many bytes. */
export async function readText(
  name: string,
  body: Readable,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunksOf(name, body, signal)) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`${name} answers with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Where all addresses of a host were tried, the error that sums it up has only a code. */
export function withCause(what: string, error: unknown): Error {
  const { message, code } = error as { message?: string; code?: string }
  return new Error(`${what}: ${message || code || String(error)}`, { cause: error })
}
