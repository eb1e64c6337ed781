/** Two message channels, a message a request. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Pipe } from './pipe.js'

/** Messages after which the sender lets its event loop turn. */
const TURN = 64

export const pipe: Pipe = {
  create() {
    const [first, second] = [new MessageChannel(), new MessageChannel()]
    const ends = [first.port1, [first.port2, second.port1], second.port2]
    return { ends, transfer: [[first.port1], [first.port2, second.port1], [second.port2]] }
  },
  producer(end) {
    const port = end as MessagePort
    return async (requests) => {
      for (let next = 0; next < requests; ) {
        port.postMessage(next)
        if (++next % TURN === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
  },
  loop(end) {
    const [from, to] = end as MessagePort[]
    return (requests) => each(from, requests, (request) => to.postMessage(request))
  },
  server(end) {
    return async (requests) => {
      let sum = 0
      await each(end as MessagePort, requests, (request) => {
        sum = (sum + request) | 0
      })
      return sum
    }
  },
}

function each(port: MessagePort, requests: number, take: (request: number) => void): Promise<void> {
  return new Promise((resolve) => {
    let left = requests
    const onMessage = (request: number): void => {
      take(request)
      if (--left > 0) return
      port.off('message', onMessage)
      resolve()
    }
    port.on('message', onMessage)
  })
}
