/** One probe of a node: how long it takes until somebody there answers. */
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { loadUndici } from '../runtime/lazy.js'

export interface ProbeAnswer {
  /** Round trip, ms; undefined: nobody answered in time. */
  readonly latencyMs: number | undefined
}

export interface Target {
  readonly host: string
  readonly port: number
}

/**
 * The time of a TCP connection: one round trip, and no work for the server. A refusal is an answer as well: it came over
 * the same way. Never rejects.
 */
export function probeConnection({ host, port }: Target, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const begun = performance.now()
    const socket = connect({ host, port })
    socket.unref()
    const end = (isAnswered: boolean) => {
      const latencyMs = isAnswered ? performance.now() - begun : undefined
      socket.destroy()
      resolve({ latencyMs })
    }
    socket.setTimeout(timeoutMs, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED'))
  })
}

/**
 * Mbit/s at which a server sends the body of a GET, over so many bytes at most and for no longer than that; undefined where it
 * does not answer with 200. The time counts from the first byte.
 */
export async function measureBandwidth(
  url: string,
  bytes: number,
  timeoutMs: number,
): Promise<number | undefined> {
  const { Client } = loadUndici()
  const { origin, pathname, search } = new URL(url)
  const client = new Client(origin, { headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  const end = AbortSignal.timeout(timeoutMs)
  let received = 0
  let begun = 0
  let last = 0
  try {
    const { statusCode, body } = await client.request({
      method: 'GET',
      path: `${pathname}${search}`,
      signal: end,
    })
    if (statusCode !== 200) return undefined
    for await (const chunk of body) {
      last = performance.now()
      if (begun === 0) begun = last
      else received += (chunk as Buffer).length
      if (received >= bytes) break
    }
  } catch {
    // What came until then is a measurement all the same.
  } finally {
    void client.destroy().catch(() => {})
  }
  const ms = last - begun
  return received > 0 && ms > 0 ? (received * 8) / ms / 1_000 : undefined
}
