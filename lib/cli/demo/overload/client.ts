/** A child process: sends the planned overload through one of the two clients, and says how it went. */
import { endWithParent, jobOf } from '../child.js'
import { sendWhenDue } from '../pace.js'
import { ENDPOINT_NAMES } from '../script.js'
import { createSubject, request, type Subject } from '../subject.js'
import type { FromOverloadClient, OverloadJob } from './messages.js'
import { type OverloadPlan, PATIENCE_MS } from './script.js'
import { OverloadTally } from './tally.js'

const PROGRESS_MS = 250
/** Each of as many callers as there are servers sends so many, one after another: the servers were well before. */
const WARM_UP_ROUNDS = 8

const tell = (message: FromOverloadClient): void => void process.send?.(message)

async function warmUp(subject: Subject): Promise<void> {
  await Promise.all(
    ENDPOINT_NAMES.map(async () => {
      for (let i = 0; i < WARM_UP_ROUNDS; i++) await request(subject, { method: 'GET', work: 1 })
    }),
  )
}

async function run(): Promise<void> {
  const { kind, ports, plan } = jobOf<OverloadJob>()
  const subject = await createSubject(kind, ports)
  await warmUp(subject)
  process.on(
    'message',
    () =>
      void measure(subject, plan).then((tally) => {
        tell({ type: 'result', result: tally.result(kind) })
      }),
  )
  tell({ type: 'ready' })
}

async function measure(subject: Subject, plan: OverloadPlan): Promise<OverloadTally> {
  const tally = new OverloadTally(plan)
  const tellProgress = (): void => tell({ type: 'progress', progress: tally.progress() })
  const timer = setInterval(tellProgress, PROGRESS_MS)
  const open = await sendWhenDue(plan, async ({ dueMs, method, work }, due) => {
    const late = performance.now() - due
    tally.sent(dueMs, late)
    // The clients see a signal only: neither is told when it will fire.
    const signal = AbortSignal.timeout(Math.max(1, Math.round(PATIENCE_MS - late)))
    try {
      await request(subject, { method, work }, signal)
      tally.answered(dueMs, performance.now() - due)
    } catch (error) {
      tally.failed(dueMs, performance.now() - due, error as Error, signal.aborted)
    }
  })
  await Promise.all(open)
  clearInterval(timer)
  tellProgress()
  return tally
}

endWithParent()
void run()
