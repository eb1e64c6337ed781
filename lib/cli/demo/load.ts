import { setMaxListeners } from 'node:events'
import { sendWhenDue } from './pace.js'
import type { LoadPlan } from './script.js'
import { request, type Subject } from './subject.js'
import type { Tally } from './tally.js'

/**
 * The load of the first two acts. A request's latency counts from when it was due, so that a stall is felt by all the requests that
 * fall into it. Resolves when every request has ended; after `lastAnswerMs` beyond the last one, those without an answer are given up.
 */
export async function offerLoad(
  subject: Subject,
  plan: LoadPlan,
  tally: Tally,
  lastAnswerMs: number,
): Promise<void> {
  const giveUp = new AbortController()
  // One listener a request.
  setMaxListeners(0, giveUp.signal)
  const open = await sendWhenDue(plan, async (planned, due) => {
    tally.sent(performance.now() - due)
    try {
      const endpoint = await request(subject, planned, giveUp.signal)
      tally.answered(performance.now() - due, endpoint)
    } catch (error) {
      tally.failed(planned, error as Error)
    }
  })
  const timer = setTimeout(
    () => giveUp.abort(new Error(`no answer within ${lastAnswerMs} ms after the end`)),
    lastAnswerMs,
  )
  await Promise.all(open)
  clearTimeout(timer)
}
