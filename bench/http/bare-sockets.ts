/** The do-nothing baseline: the same bytes over the same sockets, with no client library, in turn over the endpoints. */
import { connect, type Socket } from 'node:net'
import type { Lane } from './closed-loop.js'
import { ANSWER_BYTES } from './fast-server.js'

export function bareSockets(ports: readonly number[]): { lane: Lane; close: () => Promise<void> } {
  const idle: Socket[] = []
  let opened = 0
  const open = (): Socket => {
    const port = ports[opened++ % ports.length]
    return connect({ port, host: '127.0.0.1', noDelay: true })
  }
  const lane: Lane = (isOver) =>
    new Promise((resolve, reject) => {
      const socket = idle.pop() ?? open()
      const request = `GET /users/42 HTTP/1.1\r\nhost: 127.0.0.1:${socket.remotePort ?? 0}\r\nconnection: keep-alive\r\n\r\n`
      let answered = 0
      let missing = 0
      const next = (): void => {
        if (isOver()) {
          socket.off('data', onData).off('error', reject)
          idle.push(socket)
          resolve(answered)
          return
        }
        missing = ANSWER_BYTES
        socket.write(request)
      }
      const onData = (chunk: Buffer): void => {
        missing -= chunk.length
        if (missing > 0) return
        answered++
        next()
      }
      socket.on('data', onData).on('error', reject)
      next()
    })
  return {
    lane,
    async close() {
      for (const socket of idle) socket.destroy()
    },
  }
}
