/** Resident memory that balancers add to a process: they are all kept, and many where each is small. */
import { Balancer } from 'fairlead'
import type { Case } from '../harness/case.js'
import { origins } from '../pick/origins.js'

const ENDPOINTS_AT_ONCE = 1_000

export function prepare({ endpoints }: { endpoints: number }): Case {
  const config = { services: { bench: { endpoints: origins(endpoints) } } }
  const kept: Balancer[] = []
  const count = Math.max(1, ENDPOINTS_AT_ONCE / endpoints)
  return {
    slice() {
      const before = process.memoryUsage.rss()
      for (let i = 0; i < count; i++) kept.push(new Balancer(config))
      return { bytes: (process.memoryUsage.rss() - before) / count }
    },
  }
}
