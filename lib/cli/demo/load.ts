import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { type LoadPlan, type PlannedRequest, plannedRequests } from './script.js'
import type { Tally } from './tally.js'

const FIRST_FAILURE_STATUS = 400

/**
 * An open loop: each request is sent when it is due, however many have no answer yet, and its latency counts from
 * then, so that a stall is felt by all the requests that fall into it. Resolves when every request has ended; after
 * `lastAnswerMs` beyond the last one, those without an answer are given up.
 */
export async function offerLoad(
  dispatcher: Dispatcher,
  plan: LoadPlan,
  tally: Tally,
  lastAnswerMs: number,
): Promise<void> {
  const giveUp = new AbortController()
  // One listener a request.
  setMaxListeners(0, giveUp.signal)
  const open = new Set<Promise<void>>()
  const begin = performance.now()
  let turnBegan = begin
  for (const request of plannedRequests(plan)) {
    const due = begin + request.dueMs
    // What became due while this turn sent others waits for the next one, as in a server, which reads its sockets between:
    // a process that is late would else send on and on, and never read an answer.
    while (due > turnBegan) {
      const early = due - performance.now()
      await (early > 0 ? sleep(early) : nextTurn())
      turnBegan = performance.now()
    }
    const one = send(dispatcher, request, begin, tally, giveUp.signal)
    open.add(one)
    void one.then(() => open.delete(one))
  }
  const timer = setTimeout(
    () => giveUp.abort(new Error(`no answer within ${lastAnswerMs} ms after the end`)),
    lastAnswerMs,
  )
  await Promise.all(open)
  clearTimeout(timer)
}

/** Never rejects: what went wrong is in the tally. */
async function send(
  dispatcher: Dispatcher,
  planned: PlannedRequest,
  begin: number,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const { dueMs, method, work } = planned
  const due = begin + dueMs
  tally.sent(performance.now() - due)
  try {
    const { statusCode, headers, body } = await dispatcher.request({
      origin: 'http://demo',
      path: `/?work=${work.toFixed(3)}`,
      method,
      body: method === 'POST' ? 'an order' : null,
      signal,
    })
    await body.dump()
    if (statusCode >= FIRST_FAILURE_STATUS)
      throw Object.assign(new Error(`answered ${statusCode}`), { code: `HTTP_${statusCode}` })
    tally.answered(performance.now() - due, headers['x-endpoint'])
  } catch (error) {
    tally.failed(planned, error as Error)
  }
}
