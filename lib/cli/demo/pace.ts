import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type LoadPlan, type PlannedRequest, plannedRequests } from './script.js'

/**
 * An open loop: each request is sent when it is due, however many have no answer yet. Resolves when the last one was sent, with
 * those that have not ended.
 *
 * @param send `due` is on the clock of `performance.now()`; must never reject
 */
export async function sendWhenDue(
  plan: LoadPlan,
  send: (request: PlannedRequest, due: number) => Promise<void>,
): Promise<Set<Promise<void>>> {
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
    const one = send(request, due)
    open.add(one)
    void one.then(() => open.delete(one))
  }
  return open
}
