/** The model of the fallback's ticket queue, further than in the tests. Takes some minutes, and says how far it is. */
import { expect, it } from 'vitest'
import { explore, TooLarge } from '../model/explore.js'
import { pausingCode } from '../model/pausing.js'
import { plans } from '../model/plans.js'
import { type Plan, TicketQueueScenario } from '../model/ticket-queue.js'

/** Enough for every interleaving of most plans; the others are followed up to as many preemptions as there is room for. */
const MOST_STATES = 600_000

it.each(Object.entries<Plan>(plans))('%s', async (name, plan) => {
  const code = await pausingCode()
  const run = (preemptions: number | undefined) => {
    const { states, ways } = explore(
      code,
      plan.threads.length,
      new TicketQueueScenario({ preemptions, ...plan }),
      MOST_STATES,
    )
    console.log(`${name}, ${preemptions ?? 'any number of'} preemptions: ${states} states, ${ways} ways`)
  }
  let preemptions = 2
  for (; ; preemptions++) {
    try {
      run(preemptions)
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error
      break
    }
    if (preemptions === 5) break
  }
  expect(preemptions).toBeGreaterThan(2)
})
