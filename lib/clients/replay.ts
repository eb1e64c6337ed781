/** May this body be sent twice? Bytes may; streams, iterators and forms are gone once read. */
export function isReplayable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    body instanceof ArrayBuffer
  )
}

/**
 * The bytes, or the text, of a body given to `fetch`, where they can be had without reading a stream. `fetch` turns every body into a
 * stream before the dispatcher sees it; with the bytes at hand, a request with a body can be tried again.
 */
export function replayable(body: unknown): Uint8Array | string | undefined {
  // Text stays text, by which mocks know it; undici encodes it as `fetch` does.
  if (typeof body === 'string') return body
  if (body instanceof URLSearchParams) return body.toString()
  // Copies, as `fetch` itself makes: the caller may use the memory again before the last try is sent.
  if (body instanceof ArrayBuffer) return new Uint8Array(body.slice(0))
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice()
  return undefined
}
