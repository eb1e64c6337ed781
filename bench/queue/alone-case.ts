/** Push and pop of numbers within one thread. */
import type { Case } from '../harness/case.js'

/** How many at once: see `SHAPES` in alone.ts. */
export type Shape = 'single' | 'burst' | 'batch' | 'large'
export interface Parameters {
  readonly subject: 'fairlead' | 'fastq' | 'array'
  readonly shape: Shape
}

/** Takes numbers from `first` on in and out again; returns their sum. */
type Cycle = (first: number) => number

const SIZES: Readonly<Record<Shape, number>> = { single: 1, burst: 64, batch: 64, large: 1_024 }
const CYCLES = 64
const NS_PER_MS = 1e6

export async function prepare({ subject, shape }: Parameters): Promise<Case> {
  const size = SIZES[shape]
  const cycle = await { fairlead, fastq, array }[subject](shape, size)
  let next = 0
  return {
    slice(ms) {
      const begun = performance.now()
      let elapsed = 0
      let items = 0
      while (elapsed < (ms as number)) {
        let sum = 0
        let expected = 0
        for (let i = 0; i < CYCLES; i++) {
          sum += cycle(next)
          expected += size * next + (size * (size - 1)) / 2
          next = (next + size) & 0xffffff
        }
        if (sum !== expected) throw new Error(`${subject}: other numbers came out than went in`)
        items += CYCLES * size
        elapsed = performance.now() - begun
      }
      return { ns: (elapsed * NS_PER_MS) / items }
    },
  }
}

async function fairlead(shape: Shape, size: number): Promise<Cycle> {
  const { TicketQueue } = await import('fairlead')
  const queue = new TicketQueue({ capacity: 4_096 })
  const outgoing = new Uint32Array(size)
  const incoming = new Uint32Array(size)
  const popped = (): number => {
    let sum = 0
    const count = queue.popMany(incoming)
    for (let i = 0; i < count; i++) sum += incoming[i]
    return sum
  }
  if (shape === 'batch' || shape === 'large') {
    return (first) => {
      for (let i = 0; i < size; i++) outgoing[i] = first + i
      queue.pushMany(outgoing)
      return popped()
    }
  }
  return (first) => {
    for (let i = 0; i < size; i++) queue.push(first + i)
    return popped()
  }
}

/** It calls a worker with each item; "paused" lets a batch gather first. */
async function fastq(shape: Shape, size: number): Promise<Cycle> {
  const { default: fastq } = await import('fastq')
  let sum = 0
  const worker = (item: number, done: (error: null) => void): void => {
    sum += item
    done(null)
  }
  const queue = fastq<unknown, number>(worker, 1)
  const nothing = (): void => {}
  return (first) => {
    sum = 0
    if (shape !== 'single') queue.pause()
    for (let i = 0; i < size; i++) queue.push(first + i, nothing)
    if (shape !== 'single') queue.resume()
    return sum
  }
}

/** `push` and `shift`: in the order in which they came, as a queue has it. */
async function array(_shape: Shape, size: number): Promise<Cycle> {
  const items: number[] = []
  return (first) => {
    for (let i = 0; i < size; i++) items.push(first + i)
    let sum = 0
    for (let i = 0; i < size; i++) sum += items.shift() as number
    return sum
  }
}
