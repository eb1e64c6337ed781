/**
 * Three endpoints that cost as little as they can: the client is what is measured. All in one process, so that they keep
 * to one core and leave the client the other; on `node:net`, since `node:http` takes longer to answer than undici to ask,
 * and would set the pace.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Case } from '../harness/case.js'
import { busySince } from './server-load.js'

export const BODY = '{"id":42,"name":"alice"}'
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\nConnection: keep-alive\r\n\r\n${BODY}`,
)
export const ANSWER_BYTES = ANSWER.length
const END_OF_HEADERS = '\r\n\r\n'

/** Answers each request without a body, be they cut into packets as they may. */
function answerAll(socket: Socket): void {
  let rest = ''
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    rest += chunk.toString('latin1')
    let at = rest.indexOf(END_OF_HEADERS)
    while (at >= 0) {
      socket.write(ANSWER)
      rest = rest.slice(at + END_OF_HEADERS.length)
      at = rest.indexOf(END_OF_HEADERS)
    }
  })
}

const listen = (): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer(answerAll)
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })

export async function prepare({ endpoints }: { endpoints: number }): Promise<Case> {
  const servers: Server[] = []
  while (servers.length < endpoints) servers.push(await listen())
  return {
    ready: Object.fromEntries(
      servers.map((server, i) => [`port${i}`, (server.address() as { port: number }).port]),
    ),
    slice: busySince(),
  }
}
