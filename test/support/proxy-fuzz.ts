/** Hostile clients and a hostile endpoint for the proxy, by a seed: a failure can be repeated. */
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { seeded } from './seeded.mjs'

/** Whole numbers below `n`. */
type Random = (n: number) => number

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const HEAD = 'host: hostile\r\n'
const UPGRADE = 'connection: upgrade\r\nupgrade: '

/** What clients send: some of it right, some of it not. */
const REQUESTS: readonly ((random: Random) => string)[] = [
  () => `GET / HTTP/1.1\r\n${HEAD}\r\n`,
  () => `HEAD /a?b=c HTTP/1.1\r\n${HEAD}\r\n`,
  () => `GET / HTTP/1.0\r\n\r\n`,
  () => `GET / HTTP/1.1\r\n${HEAD}connection: close\r\n\r\n`,
  (random) => {
    const body = 'x'.repeat(random(3000))
    return `POST / HTTP/1.1\r\n${HEAD}content-length: ${body.length}\r\n\r\n${body}`
  },
  () => `POST / HTTP/1.1\r\n${HEAD}content-length: 1000\r\n\r\nhalf`,
  () => `PUT / HTTP/1.1\r\n${HEAD}transfer-encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nx-t: 1\r\n\r\n`,
  () => `POST / HTTP/1.1\r\n${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nhel`,
  () => `POST / HTTP/1.1\r\n${HEAD}transfer-encoding: chunked\r\n\r\nZZ\r\n`,
  () => `POST / HTTP/1.1\r\n${HEAD}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  () => `POST / HTTP/1.1\r\n${HEAD}expect: 100-continue\r\ncontent-length: 4\r\n\r\nbody`,
  () => `POST / HTTP/1.1\r\n${HEAD}expect: tea\r\ncontent-length: 4\r\n\r\nbody`,
  (random) => `GET / HTTP/1.1\r\n${HEAD}${UPGRADE}${pick(random, ['websocket', 'x', 'h2c'])}\r\n\r\n`,
  () => `POST / HTTP/1.1\r\n${HEAD}${UPGRADE}h2c\r\ncontent-length: 4\r\n\r\nbody`,
  () => `POST / HTTP/1.1\r\n${HEAD}${UPGRADE}websocket\r\ncontent-length: 4\r\n\r\nbody`,
  () => `CONNECT hostile:80 HTTP/1.1\r\n${HEAD}\r\n`,
  () => `OPTIONS * HTTP/1.1\r\n${HEAD}\r\n`,
  () => `GET http://hostile/abs HTTP/1.1\r\n${HEAD}\r\n`,
  () => `GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n`,
  (random) => `GET / HTTP/1.1\r\n${HEAD}${'a: b\r\n'.repeat(random(800))}\r\n`,
  (random) => `GET / HTTP/1.1\r\n${HEAD}x: ${'y'.repeat(random(20_000))}\r\n\r\n`,
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  (random) => Array.from({ length: random(200) }, () => String.fromCharCode(random(256))).join(''),
]

const OK = 'HTTP/1.1 200 OK\r\n'

/** What the endpoint sends: some of it right, some of it not. */
const ANSWERS: readonly ((random: Random) => string)[] = [
  () => `${OK}content-length: 2\r\n\r\nok`,
  () => `${OK}transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n`,
  (random) => `${OK}content-length: 200000\r\n\r\n${'z'.repeat(random(250_000))}`,
  () => `HTTP/1.1 103 Early Hints\r\nlink: </a>, </b>\r\n\r\n${OK}content-length: 2\r\n\r\nok`,
  (random) => 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(random(3000)),
  () => `HTTP/1.1 100 Continue\r\n\r\n${OK}content-length: 0\r\n\r\n`,
  () => 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nearly',
  () => 'HTTP/1.1 101 Switching\r\n\r\n',
  () => 'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n',
  () => 'HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\nsome body',
  () => `${OK}content-length: 2\r\n\r\nok${OK}content-length: 6\r\n\r\npoison`,
  () => `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  () => `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  () => `${OK}connection: close\r\n\r\nuntil the end`,
  () => `HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 4\r\n\r\nbusy`,
  () => `HTTP/1.1 302 Found\r\nlocation: //evil.example/\r\ncontent-length: 0\r\n\r\n`,
  () => 'HTTP/1.1 000 Zero\r\n\r\n',
  () => `${OK}x: ${'y'.repeat(30_000)}\r\n\r\n`,
  (random) => Array.from({ length: random(200) }, () => String.fromCharCode(random(256))).join(''),
  () => '',
]

/** Now and then cuts, doubles, or changes something. */
function mutate(random: Random, text: string): string {
  const at = random(text.length + 1)
  const dice = random(100)
  if (dice < 10) return text.slice(0, at)
  if (dice < 15) return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1)
  if (dice < 20) return text + text.slice(at)
  return text
}

/** Writes in pieces, and at some byte perhaps ends: politely, at once, or with a reset. */
async function play(random: Random, socket: Socket, text: string): Promise<void> {
  const stopAt = random(100) < 30 ? random(text.length + 1) : text.length
  const pieces = 1 + random(4)
  const size = Math.max(1, Math.ceil(stopAt / pieces))
  for (let at = 0; at < stopAt && !socket.destroyed; at += size) {
    socket.write(text.slice(at, Math.min(stopAt, at + size)), 'latin1')
    if (random(100) < 50) await pause(random(4))
  }
  const dice = random(100)
  if (dice < 15) socket.resetAndDestroy()
  else if (dice < 30) socket.end()
  else if (dice < 35) socket.destroy()
}

const listening = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An endpoint that answers whatever comes with whatever comes to its mind. */
export async function hostileEndpoint(seed: number): Promise<{ url: string; server: Server }> {
  const random = seeded(seed)
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => void play(random, socket, mutate(random, pick(random, ANSWERS)(random))))
  })
  return { url: await listening(server), server }
}

/** An endpoint that says which request it has got. */
export async function honestEndpoint(): Promise<{ url: string; server: Server }> {
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => setTimeout(() => response.end(`<${request.url}>`), 1))
  })
  return { url: await listening(server), server }
}

/** One hostile connection to the proxy, at most a second long. */
export async function attack(port: number, seed: number): Promise<void> {
  const random = seeded(seed)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  // Some do not read.
  if (random(100) < 80) socket.resume()
  const messages = Array.from({ length: 1 + random(4) }, () => pick(random, REQUESTS)(random))
  await play(random, socket, mutate(random, messages.join('')))
  await Promise.race([closed, pause(random(1000))])
  if (random(100) < 50) socket.resetAndDestroy()
  else socket.destroy()
}

/** Sends requests ahead of their answers and returns the bodies in the order in which they come. */
export function pipelined(port: number, host: string, paths: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const bodies = (): string[] => [...text.matchAll(/\r\n\r\n<([^>]*)>/g)].map(([, path]) => path)
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      if (bodies().length >= paths.length) socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(bodies()))
    for (const [i, path] of paths.entries()) {
      const post = i % 3 === 2
      const framing = post ? 'content-length: 4\r\n\r\nbody' : '\r\n'
      socket.write(`${post ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nhost: ${host}\r\n${framing}`)
    }
  })
}
