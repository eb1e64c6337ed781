import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../support/until.js'
import { Relay } from './relay.js'

let server: Server
let relay: Relay
let sockets: Socket[]
/** What the server has read. */
let read: string

beforeEach(async () => {
  sockets = []
  read = ''
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      read += chunk
      socket.write(chunk)
    })
    socket.on('end', () => socket.end('bye'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Never by chance: a half of the packets, every other one.
  let packets = 0
  relay = await Relay.listen(
    { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    '127.0.0.1',
    () => (packets++ % 2) * 0.9,
  )
})

afterEach(async () => {
  await relay.close()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

interface Call {
  readonly socket: Socket
  text: string
  error: string | undefined
  isOver: boolean
}

async function call(): Promise<Call> {
  const [host, port] = relay.address.split(':')
  const socket = connect(Number(port), host)
  sockets.push(socket)
  const made: Call = { socket, text: '', error: undefined, isOver: false }
  socket.on('data', (chunk) => (made.text += chunk))
  socket.on('error', (error: NodeJS.ErrnoException) => (made.error = error.code))
  socket.on('close', () => (made.isOver = true))
  await once(socket, 'connect')
  return made
}

/** ms until the echo is back. */
async function roundTripMs(one: Call, text: string): Promise<number> {
  const begun = performance.now()
  const before = one.text.length
  one.socket.write(text)
  await until(() => one.text.length >= before + text.length)
  return performance.now() - begun
}

test('bytes pass both ways, in their order, and so does the end', async () => {
  const one = await call()
  const text = Array.from({ length: 50_000 }, (_, i) => i).join()
  relay.shape({ latencyMs: 3, bytesPerSecond: 5e6 })
  for (let at = 0; at < text.length; at += 7_919) one.socket.write(text.slice(at, at + 7_919))
  one.socket.end()
  await until(() => one.isOver)
  expect(read).toBe(text)
  expect(one.text).toBe(`${text}bye`)
})

test('latency is added to each way', async () => {
  const one = await call()
  relay.shape({ latencyMs: 100 })
  expect(await roundTripMs(one, 'a')).toBeGreaterThanOrEqual(199)
})

test('bandwidth is shared out', async () => {
  const one = await call()
  relay.shape({ latencyMs: 0, bytesPerSecond: 10_000 })
  expect(await roundTripMs(one, 'x'.repeat(2_000))).toBeGreaterThanOrEqual(399)
})

test('a lost packet stalls what is behind it', async () => {
  const one = await call()
  relay.shape({ latencyMs: 0, loss: 0.5 })
  expect(await roundTripMs(one, 'a')).toBeGreaterThanOrEqual(399)
})

test.each([
  ['up', 'a'],
  ['down', 'ab'],
  ['both', 'a'],
] as const)('what was sent while %s was cut arrives after the heal', async (cut, served) => {
  const one = await call()
  await roundTripMs(one, 'a')
  relay.cut(cut)
  one.socket.write('b')
  if (cut === 'down') await until(() => read === 'ab')
  else await sleep(50)
  expect([read, one.text, one.error]).toEqual([served, 'a', undefined])
  relay.heal()
  await until(() => one.text === 'ab')
  expect(read).toBe('ab')
})

test('a reset is seen as one', async () => {
  const one = await call()
  await roundTripMs(one, 'a')
  relay.reset()
  await until(() => one.isOver)
  expect(one.error).toBe('ECONNRESET')
})

test('a target that is not there ends the connection, and not the relay', async () => {
  const lost = await Relay.listen({ host: '127.0.0.1', port: 1 })
  const [host, port] = lost.address.split(':')
  const socket = connect(Number(port), host)
  await new Promise((resolve) => socket.on('error', () => {}).on('close', resolve))
  await lost.close()
})
