/**
 * ringbuf.js: a ring of bytes for one producer and one consumer. Requests of one fixed length fit; others would need
 * lengths between them.
 */
import { RingBuffer } from 'ringbuf.js'
import { pause } from '../pause.js'
import { CAPACITY, type Carrier, numberOf, REQUEST_BYTES, Requests } from './carrier.js'

const open = (end: unknown): RingBuffer => new RingBuffer(end as SharedArrayBuffer, Uint8Array as never)

export const carrier = (batch: number): Carrier => ({
  create() {
    const memory = RingBuffer.getStorageForCapacity(CAPACITY * REQUEST_BYTES, Uint8Array as never)
    return { producer: memory, consumer: memory }
  },
  producer(end) {
    const ring = open(end)
    const requests = new Requests(batch)
    const bytes = new Uint8Array(batch * REQUEST_BYTES)
    return (count) => {
      for (let next = 0; next < count; next += batch) {
        requests.number(next)
        for (let i = 0; i < batch; i++) bytes.set(requests.all[i], i * REQUEST_BYTES)
        for (let sent = 0, looks = 0; sent < bytes.length; looks++) {
          sent += ring.push(bytes as never, bytes.length - sent, sent)
          if (sent < bytes.length) pause(looks)
        }
      }
    }
  },
  consumer(end) {
    const ring = open(end)
    const bytes = new Uint8Array(batch * REQUEST_BYTES)
    return (count) => {
      let sum = 0
      for (let taken = 0, got = 0, looks = 0; taken < count; looks++) {
        const more = ring.pop(bytes as never, bytes.length - got, got)
        got += more
        if (more > 0) looks = 0
        else pause(looks)
        if (got < bytes.length) continue
        for (let i = 0; i < batch; i++)
          sum += numberOf(bytes.slice(i * REQUEST_BYTES, (i + 1) * REQUEST_BYTES))
        taken += batch
        got = 0
      }
      return sum
    }
  },
})
