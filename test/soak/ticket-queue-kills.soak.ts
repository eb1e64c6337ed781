/** A thousand threads terminated on each engine. Takes some minutes, and says how far it is. */
import { expect, it } from 'vitest'
import { queueClasses } from '../contract/queue-engines.js'
import { killThreads } from '../support/queue-kills.js'

const KILLS = 1000

it.each(queueClasses)('$kind engine: $kind queues survive a thousand kills', async ({ kind, Queue }) => {
  for (const [capacity, pops] of [
    [50, false],
    [50, true],
    [20_000, false],
    [20_000, true],
  ] as const) {
    const what = `${kind}, ${capacity} items, ${pops ? 'push and pop' : 'push'}`
    const seed = Math.floor(Math.random() * 1e9)
    const report = await killThreads(new Queue({ capacity }), kind, KILLS / 4, pops, seed, (done) => {
      if (done % 50 === 0) console.log(`${what}: ${done} of ${KILLS / 4} (seed ${seed})`)
    })
    expect(report.popped).toBeGreaterThan(0)
  }
})
