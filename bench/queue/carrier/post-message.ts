/** A message port: the requests of a batch in one message, each a Uint8Array. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type Carrier, numberOf, Requests } from './carrier.js'

/** Messages after which the sender lets its event loop turn. */
const TURN = 64

export const carrier = (batch: number): Carrier => ({
  create() {
    const { port1, port2 } = new MessageChannel()
    return { producer: port1, consumer: port2, transfer: [[port1], [port2]] }
  },
  producer(end) {
    const port = end as MessagePort
    const requests = new Requests(batch)
    return async (count) => {
      for (let next = 0, messages = 0; next < count; next += batch) {
        requests.number(next)
        port.postMessage(batch === 1 ? requests.all[0] : requests.all)
        if (++messages % TURN === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
  },
  consumer(end) {
    const port = end as MessagePort
    return (count) =>
      new Promise((resolve) => {
        let sum = 0
        let left = count
        const onMessage = (message: Uint8Array | Uint8Array[]): void => {
          if (batch === 1) sum += numberOf(message as Uint8Array)
          else for (const request of message) sum += numberOf(request as Uint8Array)
          left -= batch
          if (left > 0) return
          port.off('message', onMessage)
          resolve(sum)
        }
        port.on('message', onMessage)
      })
  },
})
