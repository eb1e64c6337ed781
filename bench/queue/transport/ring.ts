import { Ring } from '../ring.js'
import { CAPACITY, type Create, type Open } from './transport.js'

export const create: Create = () => new SharedArrayBuffer(Ring.bytes(CAPACITY))

export const open: Open = (shared, batch, room) => {
  const ring = new Ring(shared as SharedArrayBuffer, CAPACITY)
  const outgoing = new Uint32Array(batch)
  const incoming = new Uint32Array(room)
  return {
    outgoing,
    incoming,
    push(from) {
      let at = from
      while (at < batch && ring.push(outgoing[at])) at++
      return at - from
    },
    pop() {
      for (let at = 0; at < room; at++) {
        const item = ring.pop()
        if (item < 0) return at
        incoming[at] = item
      }
      return room
    },
  }
}
