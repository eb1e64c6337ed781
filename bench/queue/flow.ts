/** Counted flow from producers to consumers: everything arrives, and the sums agree. */
import { pause } from './pause.js'
import type { Transport } from './transport/transport.js'

/** Shared by the threads of a case: items that consumers have taken in this slice. */
export const POPPED = 0

/** Pushes `items` numbers from `first` on, a whole number of batches. */
export function produce({ outgoing, push }: Transport, first: number, items: number): void {
  const batch = outgoing.length
  let next = first
  for (const end = first + items; next < end; next += batch) {
    for (let i = 0; i < batch; i++) outgoing[i] = next + i
    let pushed = 0
    for (let looks = 0; ; looks++) {
      const taken = push(pushed)
      pushed += taken
      if (pushed === batch) break
      if (taken > 0) looks = 0
      pause(looks)
    }
  }
}

/** Pops until all consumers together have `items`; returns the sum of what this one got, modulo 2^32. */
export function consume({ incoming, pop }: Transport, shared: Int32Array, items: number): number {
  let sum = 0
  let uncounted = 0
  for (let looks = 0; ; looks++) {
    const count = pop()
    if (count > 0) {
      for (let i = 0; i < count; i++) sum = (sum + incoming[i]) | 0
      uncounted += count
      looks = 0
      continue
    }
    // What others have got is asked for only when there is nothing to do.
    if (uncounted > 0) {
      Atomics.add(shared, POPPED, uncounted)
      uncounted = 0
    }
    if (Atomics.load(shared, POPPED) >= items) return sum
    pause(looks)
  }
}

/** The sum of the numbers from `first` on, modulo 2^32. */
export function sumOf(first: number, items: number): number {
  const all = BigInt(items) * BigInt(first) + (BigInt(items) * BigInt(items - 1)) / 2n
  return Number(BigInt.asIntN(32, all))
}
