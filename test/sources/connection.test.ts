import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Connection } from '../../lib/sources/connection.js'

/** Less than a connection may take to be opened. */
const PATIENCE_MS = 5_000

let server: Server
let sockets: Socket[]
let connection: Connection

beforeEach(async () => {
  sockets = []
  server = createServer((socket) => sockets.push(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  connection = new Connection(async () => ({}))
})

afterEach(async () => {
  connection.hangUp()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

const request = (scheme: string, signal: AbortSignal): Promise<unknown> => {
  const url = new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return connection.request(url, { method: 'GET', path: '/', headers: {}, signal })
}

// A handshake that is not answered is a connection that is being opened, as one is whose packets are lost.
it.each(['http', 'https'])(
  'a request by %s that is given up ends at once, also while there is no connection',
  async (scheme) => {
    const giveUp = new AbortController()
    const reason = new Error('given up')
    const ended = request(scheme, giveUp.signal).catch((error: unknown) => error)
    await once(server, 'connection')
    giveUp.abort(reason)
    expect(await Promise.race([ended, sleep(PATIENCE_MS, 'late', { ref: false })])).toBe(reason)
  },
)
