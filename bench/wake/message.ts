/** A message port: `postMessage`. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Way } from './way.js'

export const way = (): Way => ({
  create() {
    const { port1, port2 } = new MessageChannel()
    return { sleeper: port1, waker: port2, transfer: [[port1], [port2]] }
  },
  sleeper(end) {
    const port = end as MessagePort
    return {
      sleep: (rounds, ready, woken) =>
        new Promise((resolve) => {
          let left = rounds
          const onMessage = (): void => {
            woken()
            if (--left > 0) return ready()
            port.off('message', onMessage)
            resolve()
          }
          port.on('message', onMessage)
          ready()
        }),
    }
  },
  waker: (end) => () => (end as MessagePort).postMessage(1),
})
