/**
 * One endpoint on `node:http` that takes a fixed time for each request: with `workers`, that many at once and the others
 * in a queue; without, all at once. Answers which endpoint it is.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Case } from '../harness/case.js'

export interface Parameters {
  readonly index: number
  /** 0: any free one. */
  readonly port: number
  readonly serviceMs: number
  /** 0: without a limit. */
  readonly workers: number
}

export async function prepare({ index, port, serviceMs, workers }: Parameters): Promise<Case> {
  const body = String(index)
  /** When each worker will be free. Reckoned, not waited for: timers that are late must not cost capacity. */
  const freeAt = new Float64Array(Math.max(1, workers))
  const waitMs = (): number => {
    if (workers === 0) return serviceMs
    const now = performance.now()
    let first = 0
    for (let i = 1; i < workers; i++) if (freeAt[i] < freeAt[first]) first = i
    freeAt[first] = Math.max(now, freeAt[first]) + serviceMs
    return freeAt[first] - now
  }
  const answer = (_request: IncomingMessage, response: ServerResponse): void => {
    const timer = setTimeout(() => response.setHeader('content-length', body.length).end(body), waitMs())
    response.once('close', () => clearTimeout(timer))
  }
  const server = createServer(answer)
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    ready: { port: (server.address() as { port: number }).port },
    /** Forgets everything: the next client finds an idle endpoint. */
    slice() {
      server.closeAllConnections()
      freeAt.fill(0)
      return {}
    },
  }
}
