/** Sends Poisson arrivals to endpoints that take one request at a time, and waits for every answer. */
import { Balancer } from 'fairlead'
import type { Case } from '../harness/case.js'
import { mulberry32 } from '../harness/random.js'

export interface Parameters {
  readonly ports: readonly number[]
}

export interface Input {
  readonly ms: number
  readonly perSecond: number
  readonly seed: number
}

const MS_PER_S = 1e3
/** Nobody is refused, and nobody is too late. */
const ENDLESS = { discipline: 'fifo', limit: 32_768, deadlineMs: 3_600_000 } as const

export async function prepare({ ports }: Parameters): Promise<Case> {
  const endpoints = ports.map((port) => `http://127.0.0.1:${port}`)
  const limits = { perEndpoint: { maxRequests: 1 } }
  const balancer = new Balancer({ services: { one: { endpoints, limits, queue: ENDLESS } } })
  await balancer.start()
  // Connections are open, and code is compiled.
  for (let i = 0; i < 200; i++) await (await balancer.fetch('http://one/')).arrayBuffer()
  return {
    async slice(given) {
      const { ms, perSecond, seed } = given as Input
      const random = mulberry32(seed)
      const begin = performance.now()
      const open: Promise<void>[] = []
      let spent = 0
      const send = async (due: number): Promise<void> => {
        await (await balancer.fetch('http://one/')).arrayBuffer()
        spent += performance.now() - begin - due
      }
      for (let due = 0; due < ms; due += (-Math.log(1 - random()) * MS_PER_S) / perSecond) {
        const early = due - (performance.now() - begin)
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
        open.push(send(due))
      }
      await Promise.all(open)
      return { meanMs: spent / open.length, seenPerSecond: (open.length * MS_PER_S) / ms }
    },
    close: () => balancer.stop({ drainMs: 0 }),
  }
}
