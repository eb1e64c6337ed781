/** Hosts without namespaces: what is cut is cut by relays. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../support/until.js'
import type { Cut, Host, Way } from './network.js'
import { PlainNetwork } from './plain-network.js'

const PORT = 8_080
// Addresses of 127.0.0.0/8 need not be asked for on Linux alone.
const isLinux = process.platform === 'linux'

let network: PlainNetwork
let server: Server
let near: Host
let far: Host
let sockets: Socket[]
let read: string

beforeEach(async () => {
  network = new PlainNetwork()
  near = await network.addHost('near')
  far = await network.addHost('far')
  sockets = []
  read = ''
  server = createServer((socket) => {
    sockets.push(socket)
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        read += chunk
        socket.write(chunk)
      })
  })
  if (isLinux) await new Promise<void>((resolve) => server.listen(PORT, far.address.data, resolve))
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await network.close()
  await new Promise((resolve) => server.close(resolve))
})

/** A host's own cut is that of its calls over `control`, and of the calls that it gets over `data`. */
test.runIf(isLinux).each([
  ['control', 'both', '', ''],
  ['control', 'sent', '', ''],
  ['control', 'received', 'b', ''],
  ['data', 'both', '', ''],
  ['data', 'sent', 'b', ''],
  ['data', 'received', '', ''],
] as [Way, Cut, string, string][])('a cut of %s, %s', async (way, cut, served, answered) => {
  const host = way === 'control' ? near : far
  const [address, port] = (way === 'control' ? await near.routeTo(far, PORT) : await far.expose(PORT)).split(
    ':',
  )
  const socket = connect(Number(port), address)
  sockets.push(socket)
  let text = ''
  socket.on('error', () => {}).on('data', (chunk) => (text += chunk))
  await once(socket, 'connect')
  socket.write('a')
  await until(() => text === 'a')
  await host.cut(way, cut)
  await host.cut(way === 'control' ? 'data' : 'control', 'both')
  socket.write('b')
  if (served === '') await sleep(50)
  else await until(() => read === 'ab')
  expect([read, text]).toEqual([`a${served}`, `a${answered}`])
  await host.heal(way)
  await until(() => text === 'ab')
})
