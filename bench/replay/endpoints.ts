/** Endpoints that answer after a fixed time, as many at once as come; the last one is slow for a while in each slice. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Case } from '../harness/case.js'

export interface Parameters {
  readonly endpoints: number
  readonly serviceMs: number
  readonly slowMs: number
}

/** Of the slice that begins with this order, ms. */
export interface Input {
  readonly slowFromMs: number
  readonly slowUntilMs: number
}

export async function prepare({ endpoints, serviceMs, slowMs }: Parameters): Promise<Case> {
  let slowFrom = Number.POSITIVE_INFINITY
  let slowUntil = Number.POSITIVE_INFINITY
  const servers = Array.from({ length: endpoints }, (_, index) => {
    const body = String(index)
    return createServer((_request, response) => {
      const now = performance.now()
      const isSlow = index === endpoints - 1 && now >= slowFrom && now < slowUntil
      const timer = setTimeout(
        () => response.setHeader('content-length', body.length).end(body),
        isSlow ? slowMs : serviceMs,
      )
      response.once('close', () => clearTimeout(timer))
    })
  })
  for (const server of servers) {
    server.keepAliveTimeout = 0
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  return {
    ready: Object.fromEntries(ports.map((port, i) => [`port${i}`, port])),
    slice(input) {
      const { slowFromMs, slowUntilMs } = input as Input
      for (const server of servers) server.closeAllConnections()
      slowFrom = performance.now() + slowFromMs
      slowUntil = performance.now() + slowUntilMs
      return {}
    },
  }
}
