import { subscribe } from 'node:diagnostics_channel'
import { REQUEST_ID } from '../endpoint/exchange.js'
import type { TryCounts } from './record.js'

interface TriedRequest {
  readonly origin: string | URL
  /** undici 7: the lines of the header. */
  readonly headers: string | readonly string[]
}

/** Counts tries by undici's diagnostics channels, apart from fairlead's own counts. */
export class Tries {
  /** By the origin of the endpoint. */
  readonly byOrigin = new Map<string, TryCounts>()
  readonly #byRequest = new Map<string, number>()

  constructor() {
    subscribe('undici:request:create', (message) => {
      const { request } = message as { request: TriedRequest }
      const id = requestId(request.headers)
      if (id === undefined) return
      this.#of(request.origin).created++
      this.#byRequest.set(id, this.ofRequest(id) + 1)
    })
    subscribe('undici:client:sendHeaders', (message) => {
      const { request } = message as { request: TriedRequest }
      if (requestId(request.headers) !== undefined) this.#of(request.origin).sent++
    })
  }

  ofRequest(id: string): number {
    return this.#byRequest.get(id) ?? 0
  }

  #of(origin: string | URL): TryCounts {
    const key = new URL(origin).origin
    let counts = this.byOrigin.get(key)
    if (counts === undefined) this.byOrigin.set(key, (counts = { created: 0, sent: 0 }))
    return counts
  }
}

/** Whatever form the headers have. undefined: not one of the table's requests (a health check). */
function requestId(headers: TriedRequest['headers']): string | undefined {
  const list = typeof headers === 'string' ? headers.split(/\r\n|: /) : headers
  const name = list.findIndex((text) => text.toLowerCase() === REQUEST_ID)
  return name < 0 ? undefined : list[name + 1]
}
