/** Real servers for the tests of health checks: on 127.0.0.1, on a free port, gone after the test. */
import { readFileSync } from 'node:fs'
import type { AddressInfo, Server, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { Endpoint } from '../../lib/model/index.js'

const pem = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8')

/** The authority to trust, and what a TLS server for `localhost`, `users.test` and `127.0.0.1` presents. */
export const tlsFixture = { ca: pem('ca'), server: { cert: pem('server'), key: pem('server-key') } }

export function endpointAt(url: string, id = url): Endpoint {
  const { hostname, port } = new URL(url)
  return {
    id,
    url,
    host: hostname,
    port: Number(port),
    weight: 1,
    zone: '',
    region: '',
    priority: 0,
    metadata: {},
  }
}

export interface Served {
  readonly port: number
  /** Connections accepted so far. */
  readonly accepted: () => number
  /** Resolves when no connection is open any more; rejects after two seconds. */
  allClosed(): Promise<void>
  stop(): Promise<void>
}

export async function serve(server: Server): Promise<Served> {
  const open = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted++
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.on('sessionError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = async (): Promise<void> => {
    for (const socket of open) socket.destroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(stop)
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => accepted,
    async allClosed() {
      for (let waited = 0; open.size > 0; waited += 5) {
        if (waited > 2000) throw new Error(`${open.size} connections were still open after two seconds`)
        await sleep(5)
      }
    },
    stop,
  }
}

/** A signal that is never aborted. */
export const noAbort = (): AbortSignal => new AbortController().signal
